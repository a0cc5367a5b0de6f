// Tries one way out, as a program would that asks no proxy. Whatever answers, even to refuse, is a way.
import { createSocket } from 'node:dgram'
import { getServers, lookup, Resolver } from 'node:dns/promises'
import { connect, isIPv6, type NetConnectOpts } from 'node:net'

export interface Tried {
  readonly open: boolean
  /** What happened: `connected`, `answered`, or the error. */
  readonly how: string
}

const PATIENCE_MS = 3_000
/** Nobody answered, nothing was sent, or who answered has nobody to ask, as Docker's resolver on internal networks. */
const CLOSED: ReadonlySet<string> = new Set([
  'ETIMEOUT',
  'ECONNREFUSED',
  'ECANCELLED',
  'ENOTIMP',
  'EADDRGETNETWORKPARAMS',
  'ESERVFAIL',
  'EREFUSED',
])

/** `nobodyThere`: a refusal says that there is no way, as it does of this machine's own ports. */
export function tryTcp(host: string, port: number, nobodyThere = isLocal(host)): Promise<Tried> {
  return tryConnect({ host, port }, nobodyThere)
}

/** A path, or a name that begins with a NUL: abstract. */
export function tryUnix(path: string): Promise<Tried> {
  return tryConnect({ path }, true)
}

function tryConnect(to: NetConnectOpts, nobodyThere: boolean): Promise<Tried> {
  return new Promise((resolve) => {
    const socket = connect(to)
    const over = (tried: Tried) => {
      clearTimeout(timer)
      // In good order: what it says first is read.
      socket.resume().end(() => socket.destroySoon())
      socket.on('error', () => {})
      resolve(tried)
    }
    const timer = setTimeout(() => {
      over({ open: false, how: 'no answer' })
      socket.destroy()
    }, PATIENCE_MS)
    socket.once('connect', () => over({ open: true, how: 'connected' }))
    socket.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) =>
      over({ open: code === 'ECONNREFUSED' && !nobodyThere, how: code }),
    )
  })
}

/** Sends a question for a name, which servers of names answer and others may. */
export function tryUdp(host: string, port: number, nobodyThere = isLocal(host)): Promise<Tried> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const over = (tried: Tried) => {
      clearTimeout(timer)
      socket.close()
      resolve(tried)
    }
    const timer = setTimeout(() => over({ open: false, how: 'no answer' }), PATIENCE_MS)
    socket.once('message', () => over({ open: true, how: 'answered' }))
    socket.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) =>
      over({ open: code === 'ECONNREFUSED' && !nobodyThere, how: code }),
    )
    // Connected, so that a refusal by ICMP is heard of. Not by a callback: where there is no network it is called with the failure.
    socket.once('connect', () => socket.send(QUESTION))
    socket.connect(port, host)
  })
}

/** What resolves names here; `servers`: others in its place. */
export async function tryDns(servers?: readonly string[]): Promise<Tried> {
  const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 1 })
  if (servers !== undefined) resolver.setServers(servers)
  try {
    await resolver.resolve4('example.com')
    return { open: true, how: 'answered' }
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    return { open: !CLOSED.has(code), how: code }
  }
}

/** The addresses of what resolves names here, as the machine is set up. */
export const resolversHere = (): string[] => getServers()

/** That of a name, or the name where there is none. */
export function addressOf(host: string): Promise<string> {
  return lookup(host).then(
    ({ address }) => address,
    () => host,
  )
}

export const isLocal = (host: string) => host.startsWith('127.') || host === '::1' || host === 'localhost'

/** `example.com`, type A (RFC 1035 §4.1). */
const QUESTION = Buffer.concat([
  Buffer.from([0x63, 0x6c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
  ...['example', 'com', ''].map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
  Buffer.from([0, 1, 0, 1]),
])
