"""``jupyter totp doctor``: what is unsafe or broken in this set-up, each with the line that mends it.

Looks and changes nothing. Knows no rim: the command line hands in the configuration and the time.
"""
