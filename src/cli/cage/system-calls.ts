/**
 * What commands in a cage may not ask of the kernel, as a program for seccomp (BPF as linux/filter.h writes it). Namespaces
 * leave these open: pushing keys into the terminal of whoever started the command (CVE-2017-5226), the kernel's keyrings,
 * user namespaces of its own, in which more of the kernel answers than to any user, and kinds of sockets that belong to no network namespace, such as those from a virtual machine to its host.
 */
import { endianness } from 'node:os'

interface Machine {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly audit: number
  /** Numbers from here on are another calling convention's. */
  readonly foreignFrom: number | undefined
  readonly refused: readonly number[]
  readonly ioctl: number
  readonly socket: number
  readonly clone: number
  readonly unshare: number
}

/** The same numbers on every machine. */
const IO_URING = [425, 426, 427]
/** Its flags lie where no filter reads. Who is told that there is none takes `clone`. */
const CLONE3 = 435

const machines: Readonly<Record<string, Machine>> = {
  // In `refused`: add_key, request_key, keyctl, perf_event_open, bpf.
  x64: {
    audit: 0xc000_003e,
    foreignFrom: 0x4000_0000,
    refused: [248, 249, 250, 298, 321, ...IO_URING],
    ioctl: 16,
    socket: 41,
    clone: 56,
    unshare: 272,
  },
  arm64: {
    audit: 0xc000_00b7,
    foreignFrom: undefined,
    refused: [217, 218, 219, 241, 280, ...IO_URING],
    ioctl: 29,
    socket: 198,
    clone: 220,
    unshare: 97,
  },
}

const ALLOW = 0x7fff_0000
const KILL = 0x8000_0000
const errno = (number: number) => 0x0005_0000 | number
const [EPERM, ENOSYS, EAFNOSUPPORT] = [errno(1), errno(38), errno(97)]

/** TIOCSTI and TIOCLINUX: what they put into a terminal is read as if it was typed there. */
const TERMINAL_REQUESTS = [0x5412, 0x541c]
/** Unix, IPv4, IPv6, and netlink, by which programs ask for their own interfaces. */
const SOCKET_FAMILIES = [1, 2, 10, 16]
/** CLONE_NEWUSER. */
const NEW_USERS = 0x1000_0000

// Of struct seccomp_data. Of a 64-bit argument the lower half alone counts: what is looked for stands there.
const [CALL, ARCH, FIRST_ARGUMENT, SECOND_ARGUMENT] = [0, 4, 16, 24]
const [LOAD, RETURN, IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT] = [0x20, 0x06, 0x15, 0x35, 0x45]

type Step = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

/** Undefined for a machine whose calls are not known here. */
export function callFilter(arch: string = process.arch): Buffer | undefined {
  const machine = machines[arch]
  if (machine === undefined || endianness() !== 'LE') return undefined
  return encoded(stepsOf(machine))
}

function stepsOf({ audit, foreignFrom, refused, ioctl, socket, clone, unshare }: Machine): Step[] {
  return [
    load(ARCH),
    [IF_EQUAL, 1, 0, audit],
    give(KILL),
    load(CALL),
    ...(foreignFrom === undefined ? [] : [[IF_AT_LEAST, 0, 1, foreignFrom] as const, give(ENOSYS)]),
    ...refused.flatMap((call): Step[] => [[IF_EQUAL, 0, 1, call], give(EPERM)]),
    [IF_EQUAL, 0, 1, CLONE3],
    give(ENOSYS),
    ...[clone, unshare].flatMap((call): Step[] => [
      [IF_EQUAL, 0, 4, call],
      load(FIRST_ARGUMENT),
      [IF_ANY_BIT, 0, 1, NEW_USERS],
      give(EPERM),
      give(ALLOW),
    ]),
    ...judged(ioctl, SECOND_ARGUMENT, TERMINAL_REQUESTS, EPERM, ALLOW),
    ...judged(socket, FIRST_ARGUMENT, SOCKET_FAMILIES, ALLOW, EAFNOSUPPORT),
    give(ALLOW),
  ]
}

/** Of one call: `listed` for an argument that stands in the list, `other` for any other. */
function judged(call: number, argument: number, list: readonly number[], listed: number, other: number): Step[] {
  const steps = [load(argument), ...list.flatMap((one): Step[] => [[IF_EQUAL, 0, 1, one], give(listed)]), give(other)]
  return [[IF_EQUAL, 0, steps.length, call], ...steps]
}

const load = (offset: number): Step => [LOAD, 0, 0, offset]
const give = (verdict: number): Step => [RETURN, 0, 0, verdict]

function encoded(steps: readonly Step[]): Buffer {
  const bytes = Buffer.alloc(8 * steps.length)
  steps.forEach(([code, ifTrue, ifFalse, value], at) => {
    bytes.writeUInt16LE(code, 8 * at)
    bytes.writeUInt8(ifTrue, 8 * at + 2)
    bytes.writeUInt8(ifFalse, 8 * at + 3)
    bytes.writeUInt32LE(value >>> 0, 8 * at + 4)
  })
  return bytes
}
