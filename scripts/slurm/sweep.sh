#!/usr/bin/env bash
# Trainings of one recipe that differ in a few keys, each a task of a job array; each saves before its limit and is queued again.
#   sbatch --array=1-$(wc -l < sweep.txt)%4 scripts/slurm/sweep.sh recipe.yaml sweep.txt [OUT]
# sweep.txt: a line per training, KEY=VALUE as --set takes them: "optimizer.lr=0.3 train.seed=2"
# Run folders: OUT/<number of the line>, by default under runs/<recipe>-sweep. SSLRUN=/path/to/sslrun, where it is not on the PATH.
#SBATCH --job-name=sslrun-sweep
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=8:00:00
#SBATCH --signal=USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=sweep-%A_%a.log
# One GPU for each: #SBATCH --gpus-per-node=1
set -uo pipefail
if [ $# -lt 2 ] || [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
  echo "usage: sbatch --array=1-LINES $0 RECIPE LIST [OUT]" >&2
  exit 2
fi
recipe=$1 list=$2 out=${3:-runs/$(basename "$1" .yaml)-sweep}
line=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "$list")
if [ -z "$line" ]; then
  echo "line $SLURM_ARRAY_TASK_ID of $list must hold KEY=VALUE words, and is empty or not there" >&2
  exit 2
fi
read -ra keys <<< "$line"
srun --kill-on-bad-exit=0 --cpu-bind=cores --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" "${SSLRUN:-sslrun}" pretrain "$recipe" "${keys[@]/#/--set=}" \
  --out "$out/$SLURM_ARRAY_TASK_ID"
status=$?
# 75: saved before the end; the same task goes on from there.
if [ "$status" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
