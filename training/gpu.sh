#!/usr/bin/env bash
# Trains on a GPU that is lent for some minutes, without network: packs, trains, brings back.
#
#   training/gpu.sh pack DATA PARTS    where the pictures are: parts to carry, each of at most 50 MB
#   training/gpu.sh unpack PARTS DATA           on the GPU's machine, once for each load of parts
#   training/gpu.sh train DATA OUT RECIPE...    there: the recipes side by side; OUT/NAME.tar has each one's
#                                               weights, log and resume point, below 16 MB
#
# A recipe says how many minutes it takes. A run goes on from DATA/NAME.pt, an earlier resume point, where there
# is one. The GPU's machine needs python3 with torch, numpy, Pillow, onnx, onnxruntime, safetensors, rich and tqdm.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}

usage() { sed -n '4,7p' "$0" | cut -c3- >&2; exit 2; }

# The package as it stands in the checkout: training needs nothing that is compiled.
checkout() {
  site=$(mktemp -d)
  mkdir "$site/pocketvision"
  ln -s "$here"/python/pocketvision/* "$here/training" "$site/pocketvision/"
  export PYTHONPATH=$site
}

pack() {
  local data=$1 parts=$2
  mkdir -p "$parts"
  for source in "train_112 train_list 75" "faces_more faces_more_list 65 --aside" "faces_extra faces_extra_list 65 --aside"; do
    read -r root list quality aside <<<"$source"
    "$python" -m pocketvision.training.data.pack "$data/$root" --list "$data/$list.csv" --out "$parts/$root.tar" \
      --quality "$quality" $aside
    # Tar pads every picture to blocks: more than the pictures themselves, and nothing once it is compressed.
    gzip -f "$parts/$root.tar"
  done
  cp "$data"/models/mobileface_v2.onnx "$here"/training/weights/*.{safetensors,npy} "$parts/"
  for part in "$parts"/*; do
    [ "$(stat -c %s "$part")" -le 50000000 ] || { echo "gpu.sh: $part is above 50 MB; lower its quality" >&2; exit 1; }
  done
}

unpack() {
  local parts=$1 data=$2
  mkdir -p "$data/parts"
  for part in "$parts"/*; do
    case $part in
      *.tar.gz) gunzip -c "$part" >"$data/parts/$(basename "$part" .gz)" ;;
      *) cp "$part" "$data/" ;;
    esac
  done
}

train() {
  local data=$1 out=$2 failed=0 names=()
  shift 2
  mkdir -p "$out"
  for recipe in "$@"; do
    name=$(basename "$recipe" .toml) run=$data/runs/$(basename "$recipe" .toml)
    mkdir -p "$run"
    [ ! -f "$data/$name.pt" ] || [ -f "$run/last.pt" ] || cp "$data/$name.pt" "$run/last.pt"
    "$python" -m pocketvision.training.train.faces "$recipe" --data "$data" --out "$run" ${STEPS:+--steps "$STEPS"} >"$run/stderr.txt" 2>&1 &
    names+=("$name:$!")
  done
  for each in "${names[@]}"; do
    name=${each%:*}
    wait "${each#*:}" || { failed=1; echo "gpu.sh: $name failed:" >&2; tail -n 30 "$data/runs/$name/stderr.txt" >&2; }
    tar cf "$out/$name.tar" -C "$data/runs" --ignore-failed-read \
      $(cd "$data/runs" && ls "$name"/{model.safetensors,model.json,last.pt,log.csv,log.png,stderr.txt} 2>/dev/null)
    tail -n 2 "$data/runs/$name/log.csv" 2>/dev/null || true
    [ "$(stat -c %s "$out/$name.tar")" -le 16000000 ] || { echo "gpu.sh: $out/$name.tar is above 16 MB" >&2; failed=1; }
  done
  return $failed
}

verb=${1:-}
[ $# -ge 3 ] || usage
shift
case $verb in
  pack) checkout; pack "$@" ;;
  unpack) unpack "$@" ;;
  train) [ $# -ge 3 ] || usage; checkout; train "$@" ;;
  *) usage ;;
esac
