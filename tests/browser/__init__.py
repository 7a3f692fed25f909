"""A person at a screen: real Chromium, real JupyterLab, directly and through nginx."""
