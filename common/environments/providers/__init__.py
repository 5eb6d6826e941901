"""Providers and rotators: what `fn::open` and `fn::rotate` reach. One module for each; `table.py` lists them."""
