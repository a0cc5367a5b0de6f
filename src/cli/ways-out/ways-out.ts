// The ways out that are known, and what became of trying them: `claviger doctor --inside`.
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { cliProblem } from '../problems.ts'
import { hexToIpv4, hostTries, type Place, placeText } from './gateway-host.ts'
import { linesOf } from './lines-of.ts'
import { isLocal, resolversHere, type Tried, tryDns, tryTcp, tryUdp, tryUnix } from './try-way.ts'

export interface WayOut {
  readonly way: string
  /** `ok`, `note`: the way to the gateway, which is the one that there should be. */
  readonly state: 'closed' | 'OPEN' | 'ok' | 'note'
  readonly says: string
  readonly hint?: string
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  /** Of the gateway, where its place is known: its home and key file, its operators' socket and port. */
  readonly secret: readonly string[]
  readonly operatorSocket: string | undefined
  readonly operatorPort: number
  readonly gateway: Place
  /** What said so. */
  readonly gatewayBy: string
  /** In the place of public addresses: `tcp:HOST:PORT`, `udp:HOST:PORT`, `dns:HOST:PORT`, `unix:PATH`, `abstract:NAME`. */
  readonly targets: readonly string[] | undefined
}

type Try = readonly [what: string, tried: () => Promise<Tried>]

const PUBLIC: readonly string[] = [
  ...['tcp:1.1.1.1:443', 'tcp:8.8.8.8:53', 'tcp:[2606:4700:4700::1111]:443', 'tcp:[2001:4860:4860::8888]:53'],
  ...['udp:1.1.1.1:53', 'udp:8.8.8.8:53', 'udp:[2606:4700:4700::1111]:53'],
]
const METADATA = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254']
const MOST = 2_000
/** Whoever is found listening is not spoken to: it may be anybody. */
const LISTENS: Tried = { open: true, how: 'listens' }
/** The way that a cage has: it is the gateway. */
const OWN_SOCKET = '/run/claviger/'

const hints = {
  net: 'A program that asks no proxy goes out there. `claviger run --isolate` leaves it no network; for machines of their own see docs/guides/vm-and-container.md.',
  names:
    'Names that are asked for carry data out. Give the machine no resolver (Docker: `--dns 127.0.0.1`); `claviger run --isolate` leaves none.',
  host: 'Whoever listens there, beside the gateway, acts in the place of the command. Let a firewall leave the gateway’s port alone: docs/guides/vm-and-container.md.',
  gateway: 'Nothing answers where the gateway should be: what is closed below may be closed by the same fault.',
  metadata:
    'It gives credentials of the machine to whoever asks. Refuse it by firewall, or use `claviger run --isolate`.',
  docker: 'Whoever reaches it is root on the machine. Use `claviger run --isolate`, or a user that may not.',
  sockets: 'Whoever listens there acts in the place of the command. `claviger run --isolate` hides them.',
  operators: 'With an operator token it grants anything. Run agents as another user, or with `claviger run --isolate`.',
  files: 'Run agents as another user, or with `claviger run --isolate`.',
}

/** In the order in which they are shown; all are tried at once. */
export async function tryWaysOut(around: Surroundings): Promise<WayOut[]> {
  const { env, targets = PUBLIC } = around
  const of = (kind: string) =>
    targets.filter((one) => one.startsWith(`${kind}:`)).map((one) => tryOf(one, targets === PUBLIC))
  const namesHere: Try[] = [['the resolver of this machine', () => tryDns()]]
  const listed = listedSockets()
  const abstract = listed.filter((name) => name.startsWith('@')).map((name): Try => [name, async () => LISTENS])
  const onDisk = listed.filter((name) => name.startsWith('/') && !name.startsWith(OWN_SOCKET))
  const known = new Set([...dockerSockets(env), around.operatorSocket])
  const usual = usualSockets(env).filter((path) => !known.has(path) && !onDisk.includes(path))
  const found = onDisk.filter((path) => !known.has(path)).map((path): Try => [path, async () => tryWrite(path)])
  return Promise.all([
    gatewayWay(around),
    judged('TCP', of('tcp'), hints.net),
    judged('UDP', of('udp'), hints.net),
    judged('names', targets === PUBLIC ? namesHere : of('dns'), hints.names),
    ...(isLocal(around.gateway.host) ? [] : [hostWay(around)]),
    judged(
      'metadata',
      METADATA.map((host): Try => [host, () => tryTcp(host, 80, true)]),
      hints.metadata,
    ),
    judged('loopback', loopbackTries(around), hints.sockets),
    judged('Docker', dockerSockets(env).map(unixTry), hints.docker),
    judged('sockets', [...found, ...usual.map(unixTry), ...of('unix')], hints.sockets),
    judged('abstract', [...abstract, ...of('abstract')], hints.sockets),
    judged('operators', operatorTries(around), hints.operators),
    judged(
      'vault',
      around.secret.map((path): Try => [path, async () => tryRead(path)]),
      hints.files,
    ),
  ])
}

async function hostWay({ gateway, operatorPort }: Surroundings): Promise<WayOut> {
  return judged('host', await hostTries(gateway, [operatorPort]), hints.host)
}

async function gatewayWay({ gateway: { host, port }, gatewayBy }: Surroundings): Promise<WayOut> {
  const { how } = await tryTcp(host, port)
  const says = `${placeText(host, port)} by ${gatewayBy} (${how})`
  if (how === 'connected') return { way: 'gateway', state: 'ok', says }
  return { way: 'gateway', state: 'note', says, hint: hints.gateway }
}

async function judged(way: string, tries: readonly Try[], hint: string): Promise<WayOut> {
  const all = await Promise.all(tries.slice(0, MOST).map(async ([what, tried]) => ({ what, ...(await tried()) })))
  const open = all.filter((one) => one.open)
  if (open.length > 0) return { way, state: 'OPEN', says: shown(open), hint }
  if (all.length === 0) return { way, state: 'closed', says: 'there is none' }
  return { way, state: 'closed', says: shown(all) }
}

function shown(tried: readonly (Tried & { readonly what: string })[]): string {
  const some = tried.slice(0, 4).map(({ what, how }) => `${what} (${how})`)
  return tried.length > some.length ? `${some.join(', ')} and ${tried.length - some.length} more` : some.join(', ')
}

/** `serves`: it is known to, so that a refusal is that of a firewall on the way, or of what stands for a network. */
function tryOf(target: string, serves: boolean): Try {
  const [, kind = '', place = ''] = /^(tcp|udp|dns|unix|abstract):(.+)$/s.exec(target) ?? []
  if (kind === 'unix') return unixTry(place)
  if (kind === 'abstract') return abstractTry(`@${place}`)
  const [, host = '', port = ''] = /^\[?([^[\]]+)\]?:(\d{1,5})$/.exec(place) ?? []
  if (kind === 'tcp') return [place, () => tryTcp(host, Number(port), serves || undefined)]
  if (kind === 'udp') return [place, () => tryUdp(host, Number(port), serves || undefined)]
  return [place, () => tryDns([place])]
}

/** Throws Problem `usage` for what is no target. */
export function checkTargets(targets: readonly string[]): void {
  const good = /^(?:(?:tcp|udp|dns):(?:\[[0-9a-f:.]+\]|[^:[\]\s]+):\d{1,5}|unix:\/.+|abstract:.+)$/
  if (targets.every((one) => good.test(one))) return
  throw cliProblem('usage', { detail: '--try: tcp:, udp: or dns:HOST:PORT, unix:/PATH or abstract:NAME is wanted.' })
}

const unixTry = (path: string): Try => [path, () => tryUnix(path)]
const abstractTry = (name: string): Try => [name, () => tryUnix(`\0${name.slice(1)}`)]

function dockerSockets(env: NodeJS.ProcessEnv): string[] {
  const named = [env.DOCKER_HOST, env.CONTAINER_HOST].flatMap((url) => /^unix:\/\/(\/.+)$/.exec(url ?? '')?.[1] ?? [])
  const usual = [
    '/run/docker.sock',
    '/run/podman/podman.sock',
    '/run/containerd/containerd.sock',
    '/run/crio/crio.sock',
  ]
  const own = [`/run/user/${process.getuid?.()}/docker.sock`, `/run/user/${process.getuid?.()}/podman/podman.sock`]
  return [
    ...new Set([...named, ...usual, ...own, '/var/run/docker.sock', join(env.HOME ?? '/', '.docker/run/docker.sock')]),
  ]
}

function usualSockets(env: NodeJS.ProcessEnv): string[] {
  const bus = /unix:path=([^,;]+)/.exec(env.DBUS_SESSION_BUS_ADDRESS ?? '')?.[1]
  const own = `/run/user/${process.getuid?.()}`
  const usual = ['/run/dbus/system_bus_socket', '/run/systemd/private', '/run/snapd.socket', '/tmp/.X11-unix/X0']
  const agents = [
    env.SSH_AUTH_SOCK,
    `${own}/bus`,
    `${own}/gnupg/S.gpg-agent`,
    join(env.HOME ?? '/', '.gnupg/S.gpg-agent'),
  ]
  return [bus, ...agents, ...usual].filter((path): path is string => path?.startsWith('/') === true)
}

/** Names of sockets that listen, as the kernel lists those of this network namespace. */
function listedSockets(): string[] {
  const lines = linesOf('/proc/net/unix').filter((line) => line.split(/\s+/)[3] === '00010000')
  return [
    ...new Set(lines.map((line) => /^(?:\S+\s+){7}([@/].*)$/.exec(line)?.[1]).filter((name) => name !== undefined)),
  ]
}

/** Servers of this machine, but for the gateway and whoever resolves names: those in the same network namespace. */
function loopbackTries({ gateway, operatorPort }: Surroundings): Try[] {
  const listening = [...linesOf('/proc/net/tcp'), ...linesOf('/proc/net/tcp6')]
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === '0A')
    .map(([, local = '']) => local.split(':') as [string, string])
  // Docker's listens at a port of its own choice. Whether names lead out is tried by asking for one.
  const resolvers = new Set(resolversHere())
  const isResolver = (address: string, port: number) =>
    address.length === 8 && resolvers.has(hexToIpv4(address)) && (port === 53 || hexToIpv4(address) === '127.0.0.11')
  const ports = listening.map(([address, port]) => [address, Number.parseInt(port, 16)] as const)
  const own = isLocal(gateway.host) ? [gateway.port, operatorPort] : []
  const others = new Set(ports.filter(([address, port]) => !isResolver(address, port)).map(([, port]) => port))
  return [...others].filter((port) => !own.includes(port)).map((port) => [`port ${port}`, async () => LISTENS])
}

function operatorTries({ operatorSocket, operatorPort }: Surroundings): Try[] {
  const listener: Try = [`127.0.0.1:${operatorPort}`, () => tryTcp('127.0.0.1', operatorPort)]
  return operatorSocket === undefined ? [listener] : [listener, unixTry(operatorSocket)]
}

const tryRead = (path: string) => tryAccess(path, constants.R_OK, 'can be read')
/** Whoever may write to a socket may connect to it; nobody who waits for others is disturbed. */
const tryWrite = (path: string) => tryAccess(path, constants.W_OK, LISTENS.how)

function tryAccess(path: string, mode: number, how: string): Tried {
  try {
    accessSync(path, mode)
    return { open: true, how }
  } catch (error) {
    return { open: false, how: (error as NodeJS.ErrnoException).code ?? 'unknown' }
  }
}
