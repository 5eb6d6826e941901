"""What people see in a browser: pages rendered here, without scripts; the command line's browser login ends in them."""
