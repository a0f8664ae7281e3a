"""Files shipped with the package, and the script that makes them."""
