// Builds the rooms on their foundation, in the order in which they need each other, and ties them together.

import { type Alarms, createAlarms } from './alarms.ts'
import { eventOfBand, eventOfFinding } from './alert-events.ts'
import type { Alerts } from './alerts/alerts.ts'
import type { OpenedAudit } from './audit/audit.ts'
import { cutOff } from './cut-off.ts'
import { type FoundationOptions, layFoundation } from './foundation.ts'
import { Gate } from './gate/admit.ts'
import { OpenCalls } from './gate/open-calls.ts'
import { createGrants, type Grants } from './grants/grants.ts'
import { addressSet } from './ground/addresses.ts'
import { callIds } from './ground/call-ids.ts'
import type { Clock } from './ground/clock.ts'
import type { CallId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import { openHsm } from './hsm.ts'
import { type ClientOf, clientAddresses } from './http/client-address.ts'
import { DAY_MS } from './identity/contract.ts'
import { createIdentity, type Identity } from './identity/identity.ts'
import type { Relying } from './identity/relying/relying.ts'
import type { IdentityRules } from './identity/room.ts'
import { SignIn } from './identity/sessions/sign-in.ts'
import type { SignIns } from './identity/sign-ins/sign-ins.ts'
import { LONGEST_TOKEN_LIFE_MS } from './identity/signing/contract.ts'
import type { Hsm } from './identity/signing/key-maker.ts'
import { createSigningKeys, type SigningKeys } from './identity/signing/signing-keys.ts'
import { createMint, type Mint } from './policy/mint.ts'
import { Possession } from './possession.ts'
import { issuerOf } from './public-address.ts'
import { knowRelyingServices } from './relying-services.ts'
import type { Service } from './services/contract.ts'
import { createServices, type Services } from './services/services.ts'
import type { Settings } from './settings.ts'
import type { Change, Storage } from './storage/storage.ts'
import { buildAlerts, hearOf, knowsBy } from './tell.ts'
import type { SealReason } from './vault/contract.ts'
import { createVault, type Vault } from './vault/vault.ts'
import { watchSignIns } from './watch-sign-ins.ts'

export interface Rooms {
  readonly log: Log
  readonly clock: Clock
  readonly startedAt: number
  readonly storage: Storage
  readonly vault: Vault
  readonly audit: OpenedAudit
  readonly identity: Identity
  readonly signIns: SignIns
  /** From a proof to tokens, for every door. */
  readonly signIn: SignIn
  readonly signingKeys: SigningKeys
  readonly relying: Relying
  readonly services: Services
  readonly grants: Grants
  readonly openCalls: OpenCalls
  readonly gate: Gate<Service>
  readonly alarms: Alarms
  readonly alerts: Alerts
  /** What follows from a committed change outside of memory: after the commit, or at the start after a crash. */
  hear(change: Pick<Change, 'id' | 'record'>): void
  readonly possession: Possession
  /** For the dialer: true once for each permit that the vault has taken. */
  readonly spend: Mint['spend']
  readonly nextRid: () => CallId
  /** Who is at the other end of a request. */
  readonly clientOf: ClientOf
  /** Where agents reach it; known once it listens. */
  url: string
  seal(reason: SealReason): void
  /** Somebody came without a token of ours. Gives undefined, so that it can stand where a principal would. */
  noteUnknown(): undefined
  close(): Promise<void>
}

/** Everything below the doors. Rejects as layFoundation() does. */
export async function buildRooms(options: FoundationOptions): Promise<Rooms> {
  const { log } = options
  const hsm = await openHsm(options.settings)
  const { clock, bootId, storage, audit, close } = await layFoundation(options)
  const alarms = createAlarms(audit, log, (event) => alerts.emit(event))
  const { mint, redeem, spend } = createMint()
  const vault = await createVault({ storage, clock, redeem, onIntegrityFailure: (id) => alarms.damagedCredential(id) })
  const alerts = buildAlerts({ storage, clock, vault, log })
  const pepper = () => vault.keys().tokenPepper
  const issuer = () => issuerOf(options.settings, rooms)
  const clientOf = clientAddresses(addressSet(options.settings.trustedProxies))
  const signingKeys = keysFor(options, { storage, clock, vault }, hsm)
  const identity = createIdentity({
    storage,
    clock,
    pepper,
    signing: signingKeys,
    issuer,
    rules: rulesOf(options.settings),
    onBadRow: (table, id) => alarms.editedRow(table, id),
  })
  const signIns = watchSignIns({
    storage,
    clock,
    audit,
    log,
    settings: options.settings,
    onFinding: (finding) => alerts.emit(eventOfFinding(finding, knows)),
  })
  const relying = knowRelyingServices({
    storage,
    clock,
    pepper,
    identity,
    signIns,
    alarms,
    onBandChange: (change) => alerts.emit(eventOfBand(change, knows)),
  })
  const knows = knowsBy({ identity, relying, clock })
  const hear: Rooms['hear'] = (change) => hearOf(change, { alerts, log }, knows)
  const possession = new Possession({
    clock,
    bootId,
    issuer,
    clientOf,
  })
  const services = createServices({ storage, clock })
  const grants = createGrants({ storage, clock })
  const openCalls = new OpenCalls()
  storage.follow((change) => cutOff(change, openCalls, identity))
  storage.follow(hear)
  const known = { storage, vault, audit, services, grants, openCalls, clock }
  const gate = buildGate(known, options.settings, mint)
  const nextRid = callIds(bootId)
  const rooms: Rooms = {
    ...known,
    log,
    identity,
    signIns,
    signingKeys,
    relying,
    signIn: new SignIn({
      room: identity.room,
      signIns,
      claimsFor: (agent, audience, typ) => {
        if (audience !== issuer()) return relying.claimsFor(agent, audience)
        return typ === 'JWT' ? { roles: [], permissions: [], trustScore: relying.trustOf(agent).score } : {}
      },
    }),
    gate,
    alarms,
    alerts,
    hear,
    possession,
    spend,
    nextRid,
    clientOf,
    startedAt: clock.now(),
    url: '',
    seal: (reason) => sealHouse(rooms, reason),
    noteUnknown: () => {
      audit.deny({ rid: nextRid(), reason: 'unauthenticated', policy: storage.epoch() })
      return undefined
    },
    close: async () => {
      await signIns.close()
      await alerts.close()
      await signingKeys.close()
      await close()
    },
  }
  return rooms
}

function rulesOf({ publicRegistration, keyMaxAgeDays }: Settings): IdentityRules {
  return { publicRegistration, keyMaxAgeMs: keyMaxAgeDays === 0 ? undefined : keyMaxAgeDays * DAY_MS }
}

function keysFor(
  { settings: { signingKeyDays }, log }: FoundationOptions,
  needs: Pick<Rooms, 'storage' | 'clock' | 'vault'>,
  hsm: Hsm | undefined,
): SigningKeys {
  const { storage, clock, vault } = needs
  return createSigningKeys({
    storage,
    clock,
    seal: (purpose, bytes) => vault.sealKey(purpose, bytes),
    open: (purpose, sealed) => vault.openKey(purpose, sealed),
    hsm,
    rotateMs: signingKeyDays * 86_400_000,
    longestTokenLifeMs: LONGEST_TOKEN_LIFE_MS,
    onTrouble: (error) => log.warn({ err: error }, 'the signing keys are not as they should be; it is tried again'),
  })
}

type GateNeeds = Pick<Rooms, 'storage' | 'vault' | 'audit' | 'services' | 'grants' | 'openCalls' | 'clock'>

function buildGate(needs: GateNeeds, settings: Settings, mint: Mint['mint']): Gate<Service> {
  const { storage, vault, audit, services, grants, openCalls, clock } = needs
  return new Gate({
    rooms: { services, grants, credentials: vault },
    audit,
    openCalls,
    limits: { total: settings.maxInFlight, perAgent: settings.maxInFlightPerAgent },
    clock,
    mint,
    epoch: () => storage.epoch(),
  })
}

/** Sealing ends what runs, then takes the keys away from everybody who was given them. */
function sealHouse(
  { openCalls, vault, audit, storage, identity, signingKeys, relying, services, grants, alerts, log }: Rooms,
  reason: SealReason,
): void {
  if (vault.state().state !== 'unsealed') return
  openCalls.kill(() => true, 'sealed')
  alerts.emit({ type: 'vault.sealed', data: { reason } })
  audit.keysGone()
  vault.seal(reason)
  storage.authenticateWith(undefined)
  for (const room of [identity, signingKeys, relying, services, grants, alerts]) room.clear()
  log.warn({ reason }, 'the vault is sealed')
}
