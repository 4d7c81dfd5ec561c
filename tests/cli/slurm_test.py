#!/usr/bin/env python3
"""`sslrun pretrain` under a real Slurm of two nodes on this machine: a step of 2 x 2 ranks, stopped, pre-empted and requeued.
usage: slurm_test.py SSLRUN SOURCE_DIR"""
import contextlib, os, re, shlex, shutil, signal, socket, subprocess, sys, tempfile, time

from tiny_run import PLAIN, RECIPE, SSLRUN, expect, metrics, result, write_data, write_recipe

SOURCE = sys.argv[2]
TOOLS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "squeue")
PATIENCE_S = 400  # for a condition that Slurm brings about: requeued jobs start on the scheduler's next round
QUICK = RECIPE.replace("accumulate: 2, ", "").replace("workers: 2}", "workers: 1, precision: fp32}")
LONG = QUICK.replace("epochs: 6, warmup_epochs: 1", "epochs: 8, warmup_epochs: 1").replace("every_minutes: 0.0005, ", "")
LONG_STEPS = 8 * (168 // 16)
UNDER_WAY = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "REQUEUED", "PREEMPTED", "NODE_FAIL")  # or about to be queued again
CONF = """
ClusterName=test
SlurmctldHost={host}({addresses[0]})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={dir}/run/munge.socket
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool/%n
SlurmctldPidFile={dir}/run/ctld.pid
SlurmdPidFile={dir}/run/%n.pid
SlurmctldLogFile={dir}/log/ctld.log
SlurmdLogFile={dir}/log/%n.log
SlurmctldPort={ports[0]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SlurmctldParameters=preempt_send_user_signal
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
RequeueExit=75
KillWait=20
SlurmdTimeout=10
InactiveLimit=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=n1 NodeHostname={host} NodeAddr={addresses[1]} Port={ports[1]} CPUs=4 RealMemory=2000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr={addresses[2]} Port={ports[2]} CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=low Nodes=n[1-2] Default=YES MaxTime=INFINITE PriorityTier=1 State=UP GraceTime=30
PartitionName=high Nodes=n[1-2] MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF State=UP
"""


def skip(why):
    print(f"SKIPPED: slurm: {why}")
    sys.exit(0)


def wait_until(what, holds):
    deadline = time.monotonic() + PATIENCE_S
    while not (value := holds()):
        expect(time.monotonic() < deadline, f"{what} did not come about in {PATIENCE_S} s")
        time.sleep(0.05)
    return value


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def program(command):
    return next(word for word in command if word in TOOLS)


class Network:
    """A bridge, and a network namespace for each of two nodes, whose link can be cut; all on the loopback where there are none."""

    def __init__(self):
        self.made = []
        self.bridge, prefix = f"ssl{os.getpid()}", f"10.213.{os.getpid() % 250}"
        try:
            self.ip("link", "add", self.bridge, "type", "bridge", undo=("link", "del", self.bridge))
            self.ip("addr", "add", f"{prefix}.1/24", "dev", self.bridge)
            self.ip("link", "set", self.bridge, "up")
            for number, node in ((2, "n1"), (3, "n2")):
                space = self.space(node)
                self.ip("netns", "add", space, undo=("netns", "del", space))
                self.ip("link", "add", space, "type", "veth", "peer", "name", "eth0", "netns", space, undo=("link", "del", space))
                self.ip("link", "set", space, "master", self.bridge, "up")
                self.ip("-n", space, "addr", "add", f"{prefix}.{number}/24", "dev", "eth0")
                for device in ("eth0", "lo"):
                    self.ip("-n", space, "link", "set", device, "up")
            self.addresses = [f"{prefix}.{number}" for number in (1, 2, 3)]
        except (OSError, subprocess.CalledProcessError) as e:
            self.close()
            self.addresses = ["127.0.0.1"] * 3
            print(f"SKIPPED: slurm: a lost node: no network namespaces: {getattr(e, 'stderr', None) or e}")

    def space(self, node):
        return self.bridge + node

    def ip(self, *command, undo=None):
        subprocess.run(["ip", *command], check=True, capture_output=True, text=True)
        if undo:
            self.made.append(undo)

    def inside(self, node):
        """What comes before a command that is to run on that node."""
        return ["ip", "netns", "exec", self.space(node)] if self.made else []

    def link(self, node, state):
        self.ip("link", "set", self.space(node), state)

    def close(self):
        for undo in reversed(self.made):
            subprocess.run(["ip", *undo], capture_output=True)
        self.made = []


class Cluster:
    """munge, slurmctld and two slurmd nodes in one folder; stopped when it is left."""

    def __init__(self, folder):
        self.dir = folder
        self.daemons = []

    def __enter__(self):
        self.network = Network()
        for part in ("state", "log", "run", "spool/n1", "spool/n2"):
            os.makedirs(f"{self.dir}/{part}")
        os.chmod(self.dir, 0o755)
        with open(f"{self.dir}/munge.key", "wb") as f:
            f.write(os.urandom(128))
        os.chmod(f"{self.dir}/munge.key", 0o400)
        with open(f"{self.dir}/slurm.conf", "w") as f:
            f.write(CONF.format(host=socket.gethostname().split(".")[0], dir=self.dir, ports=free_ports(3), addresses=self.network.addresses))
        with open(f"{self.dir}/cgroup.conf", "w") as f:
            f.write("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainCores=no\nConstrainRAMSpace=no\nConstrainDevices=no\n")
        os.environ["SLURM_CONF"] = f"{self.dir}/slurm.conf"
        os.environ["SSLRUN"] = SSLRUN  # for scripts/slurm
        self.start("munged", "--foreground", "--force", f"--key-file={self.dir}/munge.key", f"--socket={self.dir}/run/munge.socket",
                   f"--pid-file={self.dir}/run/munge.pid", f"--log-file={self.dir}/log/munge.log", f"--seed-file={self.dir}/run/munge.seed")
        self.wait_for("munge", lambda: os.path.exists(f"{self.dir}/run/munge.socket"))
        self.start("slurmctld", "-D", "-c")
        self.wait_for("slurmctld", lambda: subprocess.run(["scontrol", "ping"], capture_output=True).stdout.count(b"is UP"))
        for node in ("n1", "n2"):
            self.start(*self.network.inside(node), "slurmd", "-D", "-N", node)
        self.wait_for("two idle nodes", lambda: tell("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * 4)  # a line per partition
        return self

    def start(self, *command):
        log = open(f"{self.dir}/log/{program(command)}.out", "ab")
        self.daemons.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def wait_for(self, what, holds):
        """What a machine that cannot run Slurm never gets to."""
        deadline = time.monotonic() + 30
        while not holds():
            ended = [program(d.args) for d in self.daemons if d.poll() is not None]
            if ended or time.monotonic() > deadline:
                words = "".join(open(f"{self.dir}/log/{f}", errors="replace").read()[-500:] for f in sorted(os.listdir(f"{self.dir}/log")))
                self.__exit__()
                skip(f"no {what} on this machine ({', '.join(ended) or 'no daemon'} ended): {words[-800:]!r}")
            time.sleep(0.05)

    def __exit__(self, thrown=None, *_):
        if thrown is not None:
            with open(f"{self.dir}/log/ctld.log", errors="replace") as f:
                print("the controller's last words:\n" + "".join(f.readlines()[-40:]), flush=True)
        if len(self.daemons) > 1:
            subprocess.run(["scancel", "--signal=KILL", "--full", "-u", "root"], capture_output=True)
            subprocess.run(["scancel", "-u", "root"], capture_output=True)
            deadline = time.monotonic() + 30
            while subprocess.run(["squeue", "-h"], capture_output=True).stdout and time.monotonic() < deadline:
                time.sleep(0.05)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.network.close()


def tell(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    expect(done.returncode == 0, f"{shlex.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


class Job:
    """One that was submitted, with its run folder and its log."""

    def __init__(self, number, out, log):
        self.id, self.out, self.log = number, out, log

    def state(self):
        return dict(word.split("=", 1) for word in tell("scontrol", "show", "job", self.id, "-o").split() if "=" in word)

    def words(self):
        return open(self.log, errors="replace").read() if os.path.exists(self.log) else ""

    def steps(self):
        return len(metrics(self.out)) if os.path.exists(f"{self.out}/metrics.jsonl") else 0

    def wait_for_steps(self, count):
        def there():
            state = self.state()["JobState"]
            expect(state in UNDER_WAY, f"job {self.id} is {state}:\n{self.words()}")
            return self.steps() >= count

        wait_until(f"step {count} of job {self.id}", there)

    def requeued(self):
        """Once it is queued again: True; once it is over: False."""
        def state():
            now = self.state()
            if now["JobState"] == "PENDING":
                return "queued" if int(now["Restarts"]) > 0 else ""
            return "" if now["JobState"] in UNDER_WAY else "over"

        return wait_until(f"requeue or end of job {self.id}", state) == "queued"

    def wait_for_requeue(self):
        expect(self.requeued(), f"job {self.id} must be queued again, and is over:\n{self.words()}")

    def start_now(self):
        """A requeued job waits two minutes for its credentials to run out: sent off as soon as new ones are younger, to the second."""
        self.wait_for_requeue()
        tell("scontrol", "update", f"JobId={self.id}", "StartTime=now+2")

    def end(self):
        def over():
            return self.state()["JobState"] not in UNDER_WAY

        wait_until(f"end of job {self.id}", over)
        return self.state()

    def finish_after_requeue(self):
        self.start_now()
        restarts = self.finish()
        expect(restarts == 1, f"job {self.id} must have started twice, and restarted {restarts} times:\n{self.words()}")

    def finish(self):
        state = self.end()
        expect(state["JobState"] == "COMPLETED", f"job {self.id} ended as {state['JobState']} with {state['ExitCode']}:\n{self.words()}")
        return int(state["Restarts"])


def submit_by_hand(recipe, out):
    """A batch job whose script is one srun of 2 x 2 ranks."""
    step = f"srun --kill-on-bad-exit=0 {shlex.quote(SSLRUN)} pretrain {shlex.quote(recipe)} --devices cpu --out {shlex.quote(out)}"
    answer = tell("sbatch", "--parsable", "-N2", "--ntasks-per-node=2", "--requeue", "--open-mode=append", "--mem=0", "-o", f"{out}.log",
                  "--wrap", step)
    return Job(answer.strip().split(";")[0], out, f"{out}.log")


def submit_by_sslrun(recipe, out):
    """As a user does, on one node: the folders of this test count as each node's own."""
    answer = tell(SSLRUN, "submit", recipe, "--tasks", "4", "--time", "1:00:00", "--out", out, "--sbatch=--mem=0")
    number = re.search(r"Submitted batch job (\d+)", answer)[1]
    expect(f"{number} " in tell(SSLRUN, "submit", recipe, "--tasks", "4", "--time", "1:00:00", "--out", out),
           "submitted again, the job that is there must be shown")
    return Job(number, out, f"{out}.slurm-{number}.log")


def interrupt_by_signal(name):
    def interrupt(job):
        tell("scancel", f"--signal={name}", job.id)
    return interrupt


def interrupt_by_requeue(job):
    tell("scontrol", "requeue", job.id)


def ranks_of(job):
    """The processes of a job's ranks, on both nodes."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = os.path.basename(os.readlink(f"/proc/{process}/exe"))
            with open(f"/proc/{process}/environ") as f:
                mine = f"SLURM_JOB_ID={job.id}" in f.read().split("\0")
        except OSError:  # has ended
            continue
        if mine and name == os.path.basename(SSLRUN):
            found.append(int(process))
    return found


def was_warned(rank):
    """Whether USR1 was sent to a stopped rank; Slurm may have let it go on too."""
    try:
        with open(f"/proc/{rank}/status") as f:
            return int(re.search(r"ShdPnd:\s*(\w+)", f.read())[1], 16) >> (signal.SIGUSR1 - 1) & 1
    except FileNotFoundError:
        return True


def interrupt_by_time_limit(job):
    """Slurm looks at the limits twice a minute: the ranks are held until it has sent its warning."""
    ranks = ranks_of(job)
    expect(len(ranks) == 4, f"job {job.id} must have 4 ranks, found {len(ranks)}:\n{job.words()}")
    for rank in ranks:
        os.kill(rank, signal.SIGSTOP)
    tell("scontrol", "update", f"JobId={job.id}", "TimeLimit=2")
    wait_until("the warning before the time limit", lambda: all(was_warned(rank) for rank in ranks))
    for rank in ranks:
        with contextlib.suppress(ProcessLookupError):
            os.kill(rank, signal.SIGCONT)
    job.wait_for_requeue()
    tell("scontrol", "update", f"JobId={job.id}", "TimeLimit=60")


def interrupt_by_preemption(job):
    rival = tell("sbatch", "--parsable", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "true").strip()
    wait_until("end of the job that came before", lambda: "JobState=COMPLETED" in tell("scontrol", "show", "job", rival))


def check_interrupted(name, job, want):
    words = job.words()
    expect(words.count("saved at step") == 1, f"{name}: the first start must have saved:\n{words}")
    expect(result(job.out, LONG_STEPS) == want, f"{name}: the run must end with the bits of the undisturbed one:\n{words}")
    print(f"slurm: {name}: saved, started again, bit-equal", flush=True)


def check_lost_node(work, cluster, want):
    """A node whose link is cut while ranks of a job run there: the job is queued again and goes on from its last checkpoint."""
    job = submit_by_hand(f"{work}/long.yaml", f"{work}/lost")
    job.wait_for_steps(3)
    wait_until("a checkpoint", lambda: os.path.exists(f"{job.out}/checkpoints/latest"))
    cluster.network.link("n2", "down")
    wait_until("loss of the node", lambda: "down" in tell("sinfo", "-h", "-n", "n2", "-o", "%T"))
    job.wait_for_requeue()  # the survivors wait for ranks that are gone until they are killed
    cluster.network.link("n2", "up")
    job.finish_after_requeue()
    expect(result(job.out, LONG_STEPS) == want, f"after the loss of a node the run must end with the bits of the undisturbed one:\n{job.words()}")
    print("slurm: a node lost and found again: bit-equal", flush=True)


def check_sweep(work):
    """scripts/slurm/sweep.sh as an array of two that share a node, with two ranks each; one task is stopped and queued again."""
    with open(f"{work}/sweep.txt", "w") as f:
        f.write("train.seed=5\ntrain.seed=5 optimizer.lr=0.3\n")  # 0.3 is the recipe's: both are the same training
    array = tell("sbatch", "--parsable", "--array=1-2", "--ntasks-per-node=2", "--cpus-per-task=1", "--mem=0", "-o", f"{work}/sweep-%a.log",
                 f"{SOURCE}/scripts/slurm/sweep.sh", f"{work}/long.yaml", f"{work}/sweep.txt", f"{work}/sweep").strip()
    first, second = (Job(f"{array}_{task}", f"{work}/sweep/{task}", f"{work}/sweep-{task}.log") for task in (1, 2))
    first.wait_for_steps(3)
    interrupt_by_signal("USR1")(first)
    first.finish_after_requeue()
    second.finish()
    check_interrupted("array", first, result(second.out, LONG_STEPS))


def main():
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if os.geteuid() != 0:
        skip("its daemons must be started by root")
    if missing:
        skip(f"{', '.join(missing)} must be installed (packages slurmctld, slurmd, slurm-client, munge)")
    for name in [n for n in os.environ if n not in PLAIN]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as work:
        write_data(f"{work}/data")
        write_recipe(f"{work}/recipe.yaml", f"{work}/data", QUICK)
        write_recipe(f"{work}/long.yaml", f"{work}/data", LONG)
        alone = subprocess.run([SSLRUN, "pretrain", f"{work}/recipe.yaml", "--devices", "cpu:4", "--out", f"{work}/alone"], capture_output=True)
        expect(alone.returncode == 0, alone.stderr.decode())
        with Cluster(f"{work}/slurm") as cluster:
            plain = submit_by_hand(f"{work}/recipe.yaml", f"{work}/plain")
            plain.finish()
            expect(result(plain.out) == result(f"{work}/alone"), "srun 2 x 2 must end with the bits of four processes without Slurm")
            long = submit_by_hand(f"{work}/long.yaml", f"{work}/long")
            long.finish()
            want = result(long.out, LONG_STEPS)
            for name, submit, interrupt in (("TERM", submit_by_hand, interrupt_by_signal("TERM")), ("USR1", submit_by_sslrun, interrupt_by_signal("USR1")),
                                            ("time limit", submit_by_sslrun, interrupt_by_time_limit),
                                            ("requeue", submit_by_hand, interrupt_by_requeue), ("preemption", submit_by_hand, interrupt_by_preemption)):
                job = submit(f"{work}/long.yaml", f"{work}/{name}")
                job.wait_for_steps(3)
                interrupt(job)
                if name == "TERM" and not job.requeued():  # Slurm may take the step for cancelled, whatever its status: the user submits again
                    submit(f"{work}/long.yaml", f"{work}/{name}").finish()
                else:
                    job.finish_after_requeue()
                check_interrupted(name, job, want)
            check_sweep(work)
            if cluster.network.made:
                check_lost_node(work, cluster, want)
    print("slurm: srun, signals, the time limit, requeue, pre-emption and an array end bit-equal")


main()
