/**
 * The house: builds every room, brings together what two rooms need of each other, and opens and closes the doors.
 * It holds no rule of its own. What happens when the vault opens stands in wake.ts, who may call which endpoint in
 * callers.ts, how a call is carried out in data-plane.ts; the endpoints themselves stand in the rooms.
 */
import { existsSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { openBridgeTls } from './bridge-tls.ts'
import { callerOf, type Who } from './callers.ts'
import { createDataPlane, type DataPlane } from './data-plane.ts'
import { type Demo, startDemo } from './demo.ts'
import { failsAgainAndAgain } from './fault-history.ts'
import { type FirstRun, firstRun } from './first-run.ts'
import { control, frontDoor } from './front-door.ts'
import type { Log } from './ground/log.ts'
import type { Secret } from './ground/secret.ts'
import { settleLlm } from './house/botmaker.ts'
import { carryingDoors, type DoorParts } from './house/carrying-doors.ts'
import { takeForeignEnvironment } from './house/foreign-environment.ts'
import { onTokenSockets } from './house/on-token-sockets.ts'
import { hostNames } from './http/check-head.ts'
import { buildControlPlane } from './http/control-plane.ts'
import type { AnyEndpoint } from './http/endpoint.ts'
import type { EventStreams } from './http/event-streams.ts'
import { type Handle, type Listener, listenUnix } from './http/listen.ts'
import { httpsRequirement } from './http/require-https.ts'
import { httpsOnly, httpsRule } from './https-only.ts'
import { PageGuard } from './identity/people/page-guard.ts'
import { openingsOf, openListeners } from './open-listeners.ts'
import { openOperators } from './operator-listener.ts'
import { issuerOf, listenerUrl, publicHosts } from './public-address.ts'
import { buildRooms, type Rooms } from './rooms.ts'
import { routesOf } from './routes.ts'
import { operatorSocket, type Settings } from './settings.ts'
import { buildStreams } from './streams.ts'
import { openTlsFiles, type TlsFiles, tlsPaths } from './tls-files.ts'
import type { SealReason, VaultStatus } from './vault/contract.ts'
import { wake } from './wake.ts'

export interface HouseOptions {
  readonly settings: Settings
  readonly log: Log
  /** The process must end at once with this exit code. */
  readonly onFatal: (code: 74 | 75, cause: unknown) => void
  /** False: build, make what a first start makes, and open no door. */
  readonly serve?: boolean
  /** Opens the vault where there is no key file. */
  readonly passphrase?: Secret | undefined
}

export interface House {
  readonly url: string
  /** Where the operators' pages are; undefined where they are off. */
  readonly operators: string | undefined
  readonly home: string
  /** Present on the first start of a home only. */
  readonly firstRun: FirstRun | undefined
  state(): VaultStatus
  seal(reason: SealReason): void
  /**
   * Stops accepting, lets running calls end for `graceMs` or until `hurry` is told, ends the others, signs and closes the
   * log, closes the database.
   */
  close(graceMs: number, hurry?: AbortSignal): Promise<void>
}

/** Opens the house. Rejects with a Problem for what an operator can mend, after closing what was open. */
export async function openHouse(options: HouseOptions): Promise<House> {
  const { settings, log } = options
  const rooms = await buildRooms(options)
  const closers: (() => Promise<void>)[] = [() => rooms.close()]
  try {
    const fresh = rooms.vault.state().state === 'uninitialised'
    await openVault(rooms, options, fresh)
    const demo = settings.demo && options.serve !== false ? await openDemo(rooms, log) : undefined
    if (demo !== undefined) closers.unshift(() => demo.close())
    const dataPlane = createDataPlane(rooms, settings, log)
    closers.unshift(() => dataPlane.close())
    const tls = openTls(rooms, options)
    closers.unshift(async () => tls?.close())
    const doors = options.serve === false ? undefined : await openDoors(rooms, dataPlane, tls, options)
    const url = listenerUrl(settings, doors?.agents.port)
    rooms.url = url
    // Not `fresh`: a first start that found its port taken made the vault, and nobody has a token yet.
    const first =
      opened(rooms) && !rooms.identity.hasOperator
        ? await firstRun(rooms, demo?.port, () => (tls === undefined ? url : issuerOf(settings, rooms)))
        : undefined
    // Not before the first row that was ever written is an operator's.
    if (options.serve !== false) await takeForeignEnvironment(process.env, rooms, log)
    await settleAfter(first, rooms, doors)
    return {
      url,
      operators: operatorPages(rooms),
      home: settings.home,
      firstRun: first,
      state: () => rooms.vault.state(),
      seal: (reason) => rooms.seal(reason),
      close: async (graceMs, hurry) => {
        for (const close of [async () => doors?.close(graceMs, hurry), ...closers]) await close()
      },
    }
  } catch (error) {
    for (const close of closers) await close().catch(() => {})
    throw error
  }
}

/** What may be written once there is an operator. */
async function settleAfter(first: FirstRun | undefined, rooms: Rooms, doors: Doors | undefined): Promise<void> {
  await rooms.signingKeys.settle()
  await doors?.ready()
  if (first !== undefined) await settleLlm(rooms)
}

const operatorPages = ({ people }: Rooms) => people.room.parties()[0]?.origin
const opened = (rooms: Rooms) => rooms.vault.state().state === 'unsealed'

/** Makes the vault on the first start; opens it by the key file, or the passphrase, where there is one; else it stays sealed. */
async function openVault(rooms: Rooms, options: HouseOptions, fresh: boolean): Promise<void> {
  const { log, passphrase, settings } = options
  const opener = { keyFile: settings.keyFile }
  const other = passphrase === undefined || existsSync(settings.keyFile) ? undefined : { passphrase }
  try {
    if (fresh) await rooms.vault.initialise(opener)
    else if (mayOpen(rooms, options)) await rooms.vault.unseal(other ?? opener)
    else return
  } catch (error) {
    // An unsafe key file is for a person to look at, before anything runs: it may have been read by others.
    if (fresh || (error as { code?: string }).code === 'key_file_unsafe') throw error
    if (other !== undefined)
      log.warn({ err: error as Error }, 'the passphrase does not open the vault: it stays sealed')
    else
      log.warn({ err: error as Error, file: settings.keyFile }, 'the key file does not open the vault: it stays sealed')
    return
  }
  await wake(rooms)
}

function mayOpen(rooms: Rooms, { settings, log, passphrase }: HouseOptions): boolean {
  if (failsAgainAndAgain(settings.home, rooms.clock.now())) {
    log.fatal(
      { home: settings.home },
      'the storage failed three times in ten minutes: the vault stays sealed until it is unsealed by hand',
    )
    return false
  }
  return rooms.vault.state().reason === 'boot' && (existsSync(settings.keyFile) || passphrase !== undefined)
}

/** The demo keeps the port that its service was given on the first start. */
async function openDemo(rooms: Rooms, log: Log): Promise<Demo> {
  const wanted = rooms.services.byName('demo')?.origins[0]?.port ?? 0
  const demo = await startDemo(wanted)
  if (wanted !== 0 && demo.port !== wanted)
    log.warn({ port: wanted, service: 'demo' }, 'the port of the demo service is taken')
  return demo
}

/** Undefined where no TLS is set, and where no door is opened. */
function openTls({ clock }: Rooms, { settings, log, serve }: HouseOptions): TlsFiles | undefined {
  const paths = serve === false ? undefined : tlsPaths(settings)
  return paths === undefined ? undefined : openTlsFiles(paths, clock, log)
}

interface Doors {
  readonly agents: Listener
  /** Once there is an operator. */
  ready(): Promise<void>
  close(graceMs: number, hurry?: AbortSignal): Promise<void>
}

async function openDoors(
  rooms: Rooms,
  dataPlane: DataPlane,
  tls: TlsFiles | undefined,
  { settings, log }: HouseOptions,
): Promise<Doors> {
  const { nextRid, openCalls } = rooms
  const [streams, bridges] = [buildStreams(rooms), openBridgeTls(rooms, settings)]
  const [agentPlane, operatorPlane, pagesPlane] = await controlPlanes(rooms, dataPlane, settings, log, streams)
  const extra = [...settings.allowedHosts, ...publicHosts(settings)]
  const hosts = (port: number) => hostNames(settings.host, port, extra, tls === undefined ? 80 : 443)
  let closing = false
  const ways = waysIn({ rooms, dataPlane, settings, log, streams }, agentPlane, () => closing)
  const forOperators: Handle = (request, response) => control(operatorPlane, request, response)
  const operators = await listenUnix({ nextRid, hosts: undefined, handle: forOperators }, operatorSocket(settings))
  const source = tls && { source: tls }
  const openings = openingsOf(settings, ways, hosts, source, bridges.sourceFor)
  const toPages = () => openOperators({ rooms, settings, log, plane: pagesPlane, tls: source })
  const listeners = await openListeners(openings, nextRid, toPages).catch(async (error) => {
    await operators.close(0)
    throw error
  })
  await rooms.tokenSockets.serve({ nextRid, handle: ways.agents, proxy: dataPlane.proxy })
  dataPlane.sender.start()
  return {
    agents: listeners[0] as Listener,
    ready: () => bridges.look(),
    close: async (graceMs, hurry) => {
      closing = true
      dataPlane.sender.stop()
      for (const one of [bridges, streams]) one.close()
      dataPlane.proxy.close(graceMs)
      // Calls are ended before their connections are cut: so they are on record as ended, not as left by their callers.
      const ended = openCalls.drained(graceMs, hurry).then(() => openCalls.kill(() => true, 'shutting_down'))
      const listening = [...listeners, operators, rooms.tokenSockets].map((one) => one.close(graceMs, hurry))
      await Promise.all([ended, ...listening])
      await Promise.all([agentPlane, operatorPlane, pagesPlane].map((plane) => plane.close()))
    },
  }
}

/** What answers at the listeners. */
function waysIn(parts: DoorParts, controlPlane: FastifyInstance, isClosing: () => boolean) {
  const { rooms, dataPlane, settings } = parts
  const only = (way: Handle) => httpsOnly(settings.requireHttps, httpsRequirement(rooms.clientOf), way)
  // What is on the way when the end is told is carried out, and its connection closed.
  const ending =
    (way: Handle): Handle =>
    (request, response, rid) => {
      if (isClosing()) response.shouldKeepAlive = false
      way(request, response, rid)
    }
  const doors = carryingDoors(parts).map((door) => ({
    ...door,
    handle: ending(only(onTokenSockets(rooms, dataPlane, door.handle))),
  }))
  const [baseUrl, explicitCall] = [only(dataPlane.baseUrl), only(dataPlane.explicitCall)]
  return { agents: ending(frontDoor({ baseUrl, explicitCall, controlPlane, doors })), doors, proxy: dataPlane.proxy }
}

/**
 * The agents' endpoints, the operators' on their socket, and theirs for browsers: an operator's endpoint is not there on the
 * agent listener at all.
 */
function controlPlanes(rooms: Rooms, { collect }: DataPlane, settings: Settings, log: Log, streams: EventStreams<Who>) {
  const { identity, nextRid, clientOf } = rooms
  const all = routesOf(rooms, settings, collect)
  const callers = (pages?: PageGuard) => callerOf(identity, rooms.relying, rooms.possession, rooms.refuseUnknown, pages)
  const onBug = (error: unknown, rid: string) =>
    log.error({ rid, err: error as Error }, 'a request failed that should not have')
  const refuse = httpsRule(settings.requireHttps, httpsRequirement(clientOf))
  const planeOf = (wanted: (endpoint: AnyEndpoint) => boolean, pages?: PageGuard) => {
    const endpoints = all.filter(({ endpoint }) => wanted(endpoint))
    return buildControlPlane<Who>({
      endpoints,
      authenticate: callers(pages),
      clientOf,
      streams,
      refuse,
      nextRid,
      onBug,
    })
  }
  return Promise.all([
    planeOf(({ caller }) => caller !== 'operator' && caller !== 'person'),
    planeOf(({ caller }) => caller === 'operator' || caller === 'anyone'),
    planeOf(isForPages, new PageGuard(rooms.people)),
  ])
}

/** Not what anybody does with a passphrase or an agent's key: the operators' pages are for operators. */
function isForPages({ caller, path, whileSealed }: AnyEndpoint): boolean {
  if (caller === 'operator') return whileSealed !== true
  return (
    caller === 'person' || (caller === 'anyone' && /^\/(?:\.well-known|docs|health|claviger\/v1\/health)/.test(path))
  )
}
