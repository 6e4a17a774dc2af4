"""One small pure function per file, all of them functions of confusion counts."""
