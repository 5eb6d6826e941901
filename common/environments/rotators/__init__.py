"""Rotators: what `fn::rotate` reaches. One module for each; `providers/table.py` lists them."""
