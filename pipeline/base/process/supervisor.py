"""The fork server and its supervisors: a script of its own that owns every tool's process tree.

It is run as ``python -I -S supervisor.py FD`` and imports nothing of this project. For each
request on the socket FD it forks one supervisor, which becomes the subreaper of one program:
whatever the program starts, however detached, is the supervisor's to wait for and to kill.

A request is one byte with descriptors: the supervisor's end of a socket to the engine, the
program's standard output and error, and its standard input where that is not ``/dev/null``.
Through its own socket the supervisor reads what to run (see ``forkserver.encode``), then ``T``
(end it: TERM, grace, KILL), or the end of the stream: the engine is gone, kill everything.
"""

# The underscored modules are what `signal` and `socket` wrap; the wrappers cost 15 ms to import.
import _signal
import _socket
import array
import ctypes
import errno
import gc
import os
import resource  # noqa: F401  # os.wait4 imports it on its first call: once here, not in each fork
import select
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
REAP_EVERY_MS = 500  # how soon the fork server notices that a supervisor has ended
SETTLE_S = 0.05  # what a process gets to end by itself after its program has ended
KILL_FOR_S = 20.0  # after that a process is held to be unkillable (blocked in the kernel)
ALL_SIGNALS = tuple(
    int(number)
    for number in _signal.valid_signals()
    if number not in (_signal.SIGKILL, _signal.SIGSTOP)
)
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper():
    """Make this process the parent of every orphan below it."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "prctl(PR_SET_CHILD_SUBREAPER): " + os.strerror(number))


# --- the process table ------------------------------------------------------------------------


def read_file(path):
    """Return the content of a file in /proc, or nothing when its process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, 1 << 20)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def parents():
    """Return the children of every process, from a scan of the whole process table."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields:
                table.setdefault(int(fields[1]), []).append(int(name))
    return table


def stat_fields(pid):
    """Return state, parent, group … of a process, or nothing when it is gone."""
    content = read_file("/proc/%d/stat" % pid)
    return content.rpartition(b")")[2].split() if content else None


def children(pid):
    """Return the direct children of a process, those of all its threads."""
    found = []
    try:
        threads = os.listdir("/proc/%d/task" % pid)
    except OSError:
        return found
    for thread in threads:
        content = read_file("/proc/%d/task/%s/children" % (pid, thread))
        if content:
            found.extend(map(int, content.split()))
    return found


HAS_CHILDREN_FILES = os.path.exists("/proc/self/task/%d/children" % os.getpid())


def descendants(root, without=()):
    """Return every living process below one: ``(pid, group)``; not into those ``without``."""
    table = None if HAS_CHILDREN_FILES else parents()
    found = []
    seen = {root, *without}
    queue = [root]
    while queue:
        parent = queue.pop()
        for pid in children(parent) if table is None else table.get(parent, ()):
            fields = None if pid in seen else stat_fields(pid)
            if fields is None:
                continue
            seen.add(pid)
            queue.append(pid)
            if fields[0] not in (b"Z", b"X"):
                found.append((pid, int(fields[2])))
    return found


def send_signal(number, processes):
    """Send a signal to processes, by their groups first: a group cannot outrun it by forking."""
    own = os.getpgrp()
    for group in {group for _, group in processes}:
        if group not in (0, own):
            quietly(os.killpg, group, number)
    for pid, _ in processes:
        quietly(os.kill, pid, number)


def quietly(call, *values):
    """Call and pass over the error that the process is gone or not ours any more."""
    try:
        call(*values)
    except OSError:
        pass


# --- one program ------------------------------------------------------------------------------


class Tree:
    """A program, its descendants, and the two things a supervisor waits for."""

    def __init__(self, control):
        self.control = control
        self.engine_gone = False
        self.end_asked = False
        self.main = 0
        self.status = None
        self.cpu_s = 0.0
        self.max_rss_kib = 0
        self._wake, writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(writer, False)
        _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda *_: None)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(control.fileno(), select.POLLIN)

    def reap(self):
        """Wait for whoever has ended; return whether nobody is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.max_rss_kib = max(self.max_rss_kib, usage.ru_maxrss)
            if pid == self.main:
                self.status = status

    def wait(self, seconds=None):
        """Wait until a child ends, the engine says something, or the time is over."""
        milliseconds = None if seconds is None else max(0, int(seconds * 1000) + 1)
        for descriptor, _ in self._poll.poll(milliseconds):
            if descriptor == self._wake:
                os.read(self._wake, 4096)
            else:
                self._listen()

    def _listen(self):
        try:
            word = self.control.recv(1)
        except OSError:
            word = b""
        if word:
            self.end_asked = True
        else:
            self.engine_gone = True
            self._poll.unregister(self.control.fileno())

    def run(self, grace_s):
        """Follow the program to its end and the end of all it started; return the strays."""
        while not self.reap() and self.status is None:
            if self.engine_gone or self.end_asked:
                break
            self.wait()
        if self.end_asked and not self.engine_gone:
            send_signal(_signal.SIGTERM, descendants(os.getpid()))
            send_signal(_signal.SIGCONT, descendants(os.getpid()))
            self.settle(grace_s)
        elif self.status is not None:
            self.settle(SETTLE_S)
        strays = self.strays()
        self.kill()
        return strays

    def settle(self, seconds):
        """Let everybody end by themselves for a while."""
        until = time.monotonic() + seconds
        while not self.reap() and not self.engine_gone:
            left = until - time.monotonic()
            if left <= 0:
                return
            self.wait(left)

    def strays(self):
        """Return pid and name of every process that is not under the (still living) program."""
        if self.reap():
            return []
        own = set()
        if self.status is None:
            own = {self.main, *(pid for pid, _ in descendants(self.main))}
        found = []
        for pid, _ in descendants(os.getpid()):
            name = None if pid in own else read_file("/proc/%d/comm" % pid)
            if name is not None:
                found.append((pid, name.strip(b"\n")))
        return found

    def kill(self):
        """Kill until the kernel says that there is no child left."""
        until = time.monotonic() + KILL_FOR_S
        while not self.reap() and time.monotonic() < until:
            send_signal(_signal.SIGKILL, descendants(os.getpid()))
            self.wait(0.005)


def supervise(descriptors):
    """Run one program as its subreaper, report how it ended."""
    become_subreaper()
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, _signal.SIG_IGN)
    control = _socket.socket(fileno=descriptors[0])
    request = receive_request(control)
    if request is None:
        return
    tree = Tree(control)
    grace_s, cwd, candidates, argv, environment = request
    try:
        tree.main = start(cwd, candidates, argv, environment, descriptors[1:])
    except Missing as problem:
        report(control, b"missing", problem.place, problem.number)
        return
    for descriptor in descriptors[1:]:
        os.close(descriptor)
    strays = tree.run(grace_s)
    alive = 0 if tree.reap() else len(descendants(os.getpid()))
    words = [word for pid, name in strays for word in (pid, name)]
    status = -1 if tree.status is None else tree.status
    report(control, b"ended", status, repr(tree.cpu_s), tree.max_rss_kib, alive, *words)


class Missing(Exception):
    """A program could not be started: the place (``cwd`` or ``program``) and the error number."""

    def __init__(self, place, number):
        super().__init__(place, number)
        self.place = place
        self.number = number


def start(cwd, candidates, argv, environment, streams):
    """Start the program in a session of its own with nothing but its three streams."""
    try:
        os.chdir(cwd)  # this process exists for one program; posix_spawn has no other way
    except OSError as problem:
        raise Missing(b"cwd", problem.errno) from None
    actions = [(os.POSIX_SPAWN_DUP2, fd, 1 + at) for at, fd in enumerate(streams[:2])]
    actions.extend((os.POSIX_SPAWN_DUP2, fd, 0) for fd in streams[2:])
    try:
        return spawn(candidates, argv, environment, actions)
    finally:
        os.chdir("/")


def spawn(candidates, argv, environment, actions):
    """Start the first candidate that can be executed, as execvp would choose it."""
    number = errno.ENOENT
    for candidate in candidates:
        try:
            os.stat(candidate)
            return os.posix_spawn(
                candidate,
                argv,
                environment,
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=ALL_SIGNALS,
            )
        except OSError as problem:
            if problem.errno in (errno.ENOENT, errno.ENOTDIR):
                if os.path.exists(candidate):
                    number = errno.ELIBBAD  # it is there, what its first line names is not
            elif problem.errno == errno.EACCES:
                number = errno.EACCES
            else:
                raise Missing(b"program", problem.errno) from None
    raise Missing(b"program", number)


def receive_request(control):
    """Return grace, directory, candidates, arguments and environment; nothing if cut short."""
    size = receive_exactly(control, 8)
    content = size and receive_exactly(control, int.from_bytes(size, "little"))
    if not content:
        return None
    words = content.split(b"\0")
    grace_s, cwd, candidates, arguments = float(words[0]), words[1], int(words[2]), int(words[3])
    argv_at = 4 + candidates
    env_at = argv_at + arguments
    environment = dict(word.split(b"=", 1) for word in words[env_at:])
    return grace_s, cwd, words[4:argv_at], words[argv_at:env_at], environment


def receive_exactly(control, size):
    """Return that many bytes, or nothing when the stream ends before."""
    parts = []
    while size:
        part = control.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def report(control, *words):
    """Send one message to the engine; it does not matter if nobody listens any more."""
    content = b"\0".join(word if isinstance(word, bytes) else str(word).encode() for word in words)
    quietly(control.sendall, len(content).to_bytes(8, "little") + content)


# --- the fork server --------------------------------------------------------------------------


def serve(channel):
    """Fork a supervisor for every request, until the engine closes its end."""
    waiting = select.poll()
    waiting.register(channel.fileno(), select.POLLIN)
    supervisors = set()
    while True:
        ready = waiting.poll(REAP_EVERY_MS if supervisors else None)
        bury(supervisors)
        descriptors = receive_descriptors(channel) if ready else ()
        if descriptors is None:
            break
        if descriptors:
            fork_supervisor(channel, descriptors, supervisors)
    while supervisors:
        time.sleep(0.01)
        bury(supervisors)


def fork_supervisor(channel, descriptors, supervisors):
    """Hand the descriptors to a new process; keep none of them."""
    try:
        pid = os.fork()
    except OSError as problem:
        report(_socket.socket(fileno=os.dup(descriptors[0])), b"refused", problem.errno)
        pid = -1
    if pid == 0:
        code = 1
        try:
            channel.close()
            supervise(descriptors)
            code = 0
        finally:
            os._exit(code)
    if pid > 0:
        supervisors.add(pid)
    for descriptor in descriptors:
        os.close(descriptor)


def bury(supervisors):
    """Wait for ended supervisors; what one that was killed left behind is killed here."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        supervisors.discard(pid)
        if status != 0:
            kill_orphans(supervisors)


def kill_orphans(supervisors):
    """Kill whoever is below this process and below no supervisor, until nobody is left."""
    until = time.monotonic() + KILL_FOR_S
    while time.monotonic() < until:
        below = descendants(os.getpid(), without=supervisors)
        if not below:
            return
        send_signal(_signal.SIGKILL, below)
        time.sleep(0.005)
        for pid, _ in below:
            quietly(os.waitpid, pid, os.WNOHANG)


def receive_descriptors(channel):
    """Return the descriptors of the next request; nothing at the end of the stream."""
    room = 4 * array.array("i").itemsize
    try:
        word, extras, _, _ = channel.recvmsg(1, _socket.CMSG_SPACE(room), _socket.MSG_CMSG_CLOEXEC)
    except OSError:
        return None
    if not word:
        return None
    descriptors = array.array("i")
    for level, kind, content in extras:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            whole = len(content) - len(content) % descriptors.itemsize
            descriptors.frombytes(content[:whole])
    return list(descriptors)


def main():
    """Serve on the socket whose descriptor is the only argument."""
    channel = _socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(channel.fileno(), False)
    become_subreaper()
    gc.disable()
    gc.freeze()
    serve(channel)


if __name__ == "__main__":
    main()
