# SPDX-License-Identifier: MIT OR Apache-2.0
# A Python with the engines of peers/ that nixpkgs has, in nixpkgs' versions: where one is not that of peers/requirements.txt, a run
# shows it and does not judge it. Qdrant's engine (qdrant-edge-py) is not in nixpkgs. ChromaDB is disabled for Python 3.14 there.
{ lib, python313 }:
python313.withPackages (
  packages:
  map (name: packages.${name}) (
    lib.filter (name: packages ? ${name}) [
      "chromadb"
      "faiss"
      "hnswlib"
      "numpy"
      "usearch"
    ]
  )
)
