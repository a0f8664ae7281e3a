"""Where data come from: download, packages, original files, prepared folders."""
