"""Benchmarks: what a request costs in this process, on the wire, and with the real command line.

Times on a machine that does other work are relative: everything that is compared runs in turns in the same run, medians and
their ratios are shown with the load, and counts (statements, requests, bytes, CPU seconds) say more than milliseconds.
"""
