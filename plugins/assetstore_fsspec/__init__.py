"""Makes a store a file system of fsspec: ``assetstore://NAME/key`` for pandas, Dask, zarr, pyarrow and others."""
