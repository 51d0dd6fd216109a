"""Many pictures: folders, uploads and zips, printed as lines or written as Parquet tables."""
