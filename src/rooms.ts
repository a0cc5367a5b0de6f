// Builds the rooms on their foundation, in the order in which they need each other, and ties them together.

import { join } from 'node:path'
import { type Alarms, createAlarms } from './alarms.ts'
import type { Alerts } from './alerts/alerts.ts'
import { type Approvals, createApprovals } from './approvals/approvals.ts'
import type { Channels } from './approvals/channels/channels.ts'
import type { OpenedAudit } from './audit/audit.ts'
import { ownHosts } from './bridge-tls.ts'
import { cutOff, cutOffDead } from './cut-off.ts'
import type { VaultAdmin } from './doors/agentvault/admin.ts'
import type { VaultBook } from './doors/agentvault/vault-book.ts'
import { type FoundationOptions, layFoundation } from './foundation.ts'
import { Gate } from './gate/admit.ts'
import { OpenCalls } from './gate/open-calls.ts'
import type { GateApprovals } from './gate/rooms.ts'
import { Untouched } from './gate/untouched.ts'
import { createGrants, type Grants } from './grants/grants.ts'
import type { Clock } from './ground/clock.ts'
import type { CredentialId, ServiceId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import { type Origin, originMatches } from './ground/origin.ts'
import { buildVaultDoor } from './house/agentvault.ts'
import { buildLlm } from './house/botmaker.ts'
import { buildChannels, type ChannelNeeds } from './house/channels.ts'
import { hostsOf } from './house/proxy-needs.ts'
import { type StandingRooms, standingOf } from './house/standing-of.ts'
import { buildWhoAsks, type WhoAsks } from './house/who-asks.ts'
import { endWindowsWith } from './house/windows.ts'
import { openHsm } from './hsm.ts'
import { createOutbound } from './http/outbound.ts'
import { httpProblem } from './http/problems.ts'
import { createResolver } from './http/resolve.ts'
import { identityProblem } from './identity/contract.ts'
import { KeyEnds } from './identity/keys/key-ends.ts'
import type { Llm } from './llm/llm.ts'
import { LocalCa } from './local-ca/local-ca.ts'
import { operatorParties } from './operator-address.ts'
import { Placeholders } from './placeholders/placeholders.ts'
import { createMint, type Mint } from './policy/mint.ts'
import { issuerOf } from './public-address.ts'
import { createRules, type Rules } from './rules/rules.ts'
import type { Service } from './services/contract.ts'
import { createServices, type Services } from './services/services.ts'
import type { Settings } from './settings.ts'
import type { Change, Storage } from './storage/storage.ts'
import { buildAlerts, hearOf } from './tell.ts'
import type { TokenPlaces } from './vault/connections/places.ts'
import type { SealReason } from './vault/contract.ts'
import { createVault, type Vault } from './vault/vault.ts'

export interface Rooms extends Omit<WhoAsks, 'knows'> {
  readonly log: Log
  readonly clock: Clock
  readonly startedAt: number
  readonly storage: Storage
  readonly vault: Vault
  readonly audit: OpenedAudit
  readonly services: Services
  readonly grants: Grants
  readonly rules: Rules
  readonly approvals: Approvals
  readonly channels: Channels
  readonly openCalls: OpenCalls
  readonly keyEnds: KeyEnds
  readonly gate: Gate<Service>
  readonly untouched: Untouched
  readonly alarms: Alarms
  readonly alerts: Alerts
  /** Vouches for the services' hosts inside tunnels. */
  readonly localCa: LocalCa
  /** What stands for credentials in environments and files. */
  readonly placeholders: Placeholders
  /** LLM vendors, their keys, and what bots may use of them. */
  readonly llm: Llm
  /** What the door for agentic-credential-vault remembers. */
  readonly vaultBook: VaultBook
  readonly vaultAdmin: VaultAdmin
  /** What follows from a committed change outside of memory: after the commit, or at the start after a crash. */
  hear(change: Pick<Change, 'id' | 'record'>): void
  /** For the dialer: true once for each permit that the vault has taken. */
  readonly spend: Mint['spend']
  /** Where agents reach it; known once it listens. */
  url: string
  /** Of the operators' listener; known once it listens, undefined where there is none. */
  operatorPort: number | undefined
  seal(reason: SealReason): void
  /**
   * Somebody came without a token that speaks for anybody here: noted and refused. Throws Problem `unauthenticated`, or
   * `wrong_audience` where a signature of ours holds: whoever has such a token may know what it is.
   */
  refuseUnknown(presented: string | undefined, said?: { readonly hint?: string }): never
  close(): Promise<void>
}

/** Everything below the doors. Rejects as layFoundation() does. */
export async function buildRooms(options: FoundationOptions): Promise<Rooms> {
  const [{ log, settings }, hsm] = [options, await openHsm(options.settings)]
  const foundation = await layFoundation(options)
  const { clock, storage, audit } = foundation
  const alarms = createAlarms(audit, log, (event) => alerts.emit(event))
  const [{ mint, redeem, spend }, services] = [createMint(), createServices({ storage, clock })]
  const vault = await createVault({ storage, clock, redeem, ...outward(clock, alarms, services) })
  const alerts = buildAlerts({ storage, clock, vault, log })
  const addresses = addressesOf(settings, () => rooms)
  const { knows, ...whoAsks } = buildWhoAsks({ ...foundation, options, vault, alarms, alerts, hsm, ...addresses })
  const localCa = new LocalCa({ storage, clock, vault, hosts: () => hostsOf(services.list()), own: ownHosts(settings) })
  const [grants, openCalls] = [createGrants({ storage, clock }), new OpenCalls()]
  const hear: Rooms['hear'] = (change) => hearOf(change, { alerts, log }, knows)
  storage.follow((change) => cutOff(change, openCalls, whoAsks.identity))
  const keyEnds = keyEndsOf(whoAsks.identity, openCalls, storage)
  storage.follow(hear)
  const placeholders = placeholdersOf(storage, clock, vault, whoAsks.identity)
  const approvals = createApprovals({ storage, clock, vault, spoolDir: spoolOf(settings), ...addresses })
  const rules = createRules({ storage, clock, trustOf: (agent) => whoAsks.relying.trustOf(agent).score })
  const llm = buildLlm({ storage, clock, vault, services, log }, settings)
  const known = { storage, vault, audit, services, grants, rules, approvals, openCalls, clock, localCa, llm }
  const [channels, vaultDoor] = overIdentity({ ...known, ...addresses, ...whoAsks }, settings)
  const gates = buildGates({ ...known, identity: whoAsks.identity }, settings, mint)
  const rooms: Rooms = {
    ...{ ...known, ...whoAsks, channels, log, keyEnds, ...gates, alarms, alerts, ...vaultDoor, hear, spend },
    ...{ startedAt: clock.now(), url: '', operatorPort: undefined, placeholders },
    seal: (reason) => sealHouse(rooms, reason),
    refuseUnknown: (presented, said) => {
      audit.deny({ rid: whoAsks.nextRid(), reason: 'unauthenticated', policy: storage.epoch() })
      const audience = whoAsks.identity.accessTokens.otherAudience(presented ?? '')
      if (audience === undefined) throw httpProblem('unauthenticated', said)
      throw identityProblem('wrong_audience', { detail: `It is for ${audience}.` })
    },
    close: async () => {
      for (const room of [keyEnds, channels, approvals]) room.stop()
      for (const room of [llm, vault, whoAsks.signIns, alerts, whoAsks.signingKeys, foundation]) await room.close()
    },
  }
  return watched(rooms)
}

/** Last of all that follow a change: what it looks at is as it is afterwards. */
function watched(rooms: Rooms): Rooms {
  rooms.storage.follow((change) => endWindowsWith(change, rooms, rooms.log))
  return rooms
}

/** As tokens and browsers know the gateway. Asked once it listens. */
function addressesOf(settings: Settings, rooms: () => Rooms) {
  return {
    issuer: () => issuerOf(settings, rooms()),
    parties: () => operatorParties(settings, rooms().operatorPort),
  }
}

const spoolOf = ({ home }: Settings) => join(home, 'spool')

/** Calls end with the keys that they stand on. */
function keyEndsOf(identity: WhoAsks['identity'], openCalls: OpenCalls, storage: Storage): KeyEnds {
  const keyEnds = new KeyEnds(identity.room, () => cutOffDead(openCalls, identity, 'agent_key_retired'))
  storage.follow((change) => keyEnds.follow(change))
  return keyEnds
}

function placeholdersOf(storage: Storage, clock: Clock, vault: Vault, identity: WhoAsks['identity']): Placeholders {
  const pepper = () => vault.keys().tokenPepper
  const { directory } = identity.room
  return new Placeholders({
    ...{ storage, clock, pepper },
    lives: (agent, token) => identity.isLive(agent, token),
    isOver: (token) => token.startsWith('tok_') && directory.token(token)?.status !== 'active',
  })
}

type OverIdentity = Parameters<typeof buildVaultDoor>[0] & Omit<ChannelNeeds, 'standing'> & StandingRooms

function overIdentity(below: OverIdentity, settings: Settings) {
  return [buildChannels({ ...below, standing: standingOf(below) }, settings), vaultDoorOf(below, settings)] as const
}

/** Its services, and listeners, stand open to names of agents, whoever comes by them: nobody just takes such a name. */
function vaultDoorOf(below: Parameters<typeof buildVaultDoor>[0], settings: Settings) {
  const door = buildVaultDoor(below, settings)
  const { identity } = below
  identity.room.keptNames.push(
    (name) => door.vaultBook.names(name) || settings.agentListen.some(({ agent }) => agent === name),
  )
  return door
}

/** What the vault does beyond itself. */
function outward(clock: Clock, alarms: Alarms, services: Services) {
  return {
    outbound: createOutbound({ resolver: createResolver({ clock }) }),
    placesOf: (id: ServiceId) => tokenPlaces(services.byId(id)),
    shapeOf: (id: ServiceId) => services.byId(id)?.secretShape,
    onIntegrityFailure: (id: CredentialId) => alarms.damagedCredential(id),
  }
}

function tokenPlaces(service: Service | undefined): TokenPlaces | undefined {
  return service && { origins: [...service.origins, ...service.tokenOrigins], allowed: service.allowed }
}

type GateNeeds = Pick<
  Rooms,
  'storage' | 'vault' | 'audit' | 'services' | 'grants' | 'rules' | 'approvals' | 'openCalls' | 'clock'
>

function buildGate(needs: GateNeeds, settings: Settings, mint: Mint['mint']): Gate<Service> {
  const { storage, vault, audit, services, grants, rules, openCalls, clock } = needs
  const approvals = approvalsOfGate(needs.approvals, storage)
  return new Gate({
    rooms: { services, grants, credentials: vault, rules, approvals },
    audit,
    openCalls,
    limits: { total: settings.maxInFlight, perAgent: settings.maxInFlightPerAgent },
    clock,
    mint,
    epoch: () => storage.epoch(),
  })
}

type GatesNeeds = GateNeeds & Pick<Rooms, 'identity'>

function buildGates(needs: GatesNeeds, settings: Settings, mint: Mint['mint']): Pick<Rooms, 'gate' | 'untouched'> {
  return { gate: buildGate(needs, settings, mint), untouched: buildUntouched(needs, mint) }
}

function buildUntouched(needs: GatesNeeds, mint: Mint['mint']): Untouched {
  const { rules, services, audit, clock, storage, identity } = needs
  return new Untouched({
    ...{ rules, audit, clock, mint, epoch: () => storage.epoch() },
    namesHost: (host) => services.list().some(({ origins }) => origins.some((one) => isOn(one, host))),
    isLive: (agent, token) => identity.isLive(agent, token),
  })
}

const isOn = (one: Origin, host: string) => originMatches(one, host, one.port, one.scheme)

function approvalsOfGate(approvals: Approvals, storage: Storage): GateApprovals {
  return {
    install: storage.instanceId,
    ask: (asked) => approvals.ask(asked),
    settled: (id, waitMs, signal) => approvals.settled(id, waitMs, signal),
    takeWindow: (action, by) => approvals.windows.take(action, by),
    take: (id, use, by) => approvals.take(id, use, by),
    sendLater: (id, by) => approvals.later.ask(id, by.key ?? '', by),
    mismatch: (id, digest, by) => approvals.mismatch(id, digest, by),
  }
}

/** Sealing ends what runs, then takes the keys away from everybody who was given them. */
function sealHouse(rooms: Rooms, reason: SealReason): void {
  const { openCalls, vault, audit, storage, alerts, log } = rooms
  if (vault.state().state !== 'unsealed') return
  openCalls.kill(() => true, 'sealed')
  alerts.emit({ type: 'vault.sealed', data: { reason } })
  audit.keysGone()
  vault.seal(reason)
  storage.authenticateWith(undefined)
  for (const room of memoriesOf(rooms)) room.clear()
  log.warn({ reason }, 'the vault is sealed')
}

/** Rooms that know what only an open vault lets them believe. */
function memoriesOf(rooms: Rooms): readonly { clear(): void }[] {
  const { identity, people, signingKeys, relying, services, grants, rules, channels, approvals } = rooms
  const { vaultBook, alerts, localCa, placeholders, llm } = rooms
  const first = [identity, people, signingKeys, relying, services, grants, rules, channels, approvals]
  return [...first, vaultBook, alerts, localCa, placeholders, llm]
}
