#!/usr/bin/env bash
# A training inside a container image of Apptainer, a process per GPU on every node.
#   sbatch --nodes=2 scripts/slurm/container.sh sslrun.sif recipe.yaml /data/images /scratch/runs/my
# The image holds sslrun and LibTorch; the recipe, the images and the run folder are mounted where they are. Slurm's variables, by
# which a process knows its place, pass into the container by themselves (not with --cleanenv or --containall).
#SBATCH --job-name=sslrun-container
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=12
#SBATCH --time=1-00
#SBATCH --signal=USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=container-%j.log
set -uo pipefail
if [ $# -ne 4 ]; then
  echo "usage: sbatch $0 IMAGE RECIPE DATA OUT" >&2
  exit 2
fi
image=$1 recipe=$(realpath "$2") data=$(realpath "$3") out=$(realpath "$4")
mkdir -p "$out"
srun --kill-on-bad-exit=0 --cpu-bind=cores --cpus-per-task="$SLURM_CPUS_PER_TASK" apptainer exec --nv --bind "$recipe,$data,$out" "$image" \
  sslrun pretrain "$recipe" --set "data.train=$data" --out "$out"
status=$?
# 75: saved before the end; the same job goes on from there.
if [ "$status" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
