// Builds the rooms in the order in which they need each other, and ties them together.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createAudit, type OpenedAudit } from './audit/audit.ts'
import { auditHeadMigrations, keepHead, notedHead } from './audit-head.ts'
import { cutOff } from './cut-off.ts'
import { Gate } from './gate/admit.ts'
import { OpenCalls } from './gate/open-calls.ts'
import { createGrants, type Grants } from './grants/grants.ts'
import { grantsMigrations } from './grants/schema.ts'
import { base62 } from './ground/base62.ts'
import { callIds } from './ground/call-ids.ts'
import { type Clock, systemClock } from './ground/clock.ts'
import type { CallId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import { createIdentity, type Identity } from './identity/identity.ts'
import { identityMigrations } from './identity/schema.ts'
import { createMint } from './policy/mint.ts'
import type { Permit } from './policy/permit.ts'
import { recordOf } from './record-of.ts'
import { servicesMigrations } from './services/schema.ts'
import { createServices, type Services } from './services/services.ts'
import type { Settings } from './settings.ts'
import { takeLock } from './storage/lock.ts'
import { openStorage } from './storage/open-storage.ts'
import { prepareHome } from './storage/safe-home.ts'
import type { Storage } from './storage/storage.ts'
import type { SealReason } from './vault/contract.ts'
import { vaultMigrations } from './vault/schema.ts'
import { createVault, type Vault } from './vault/vault.ts'
import { VERSION } from './version.ts'

export interface RoomsOptions {
  readonly settings: Settings
  readonly log: Log
  readonly onFatal: (code: 74 | 75, cause: unknown) => void
}

export interface Rooms {
  readonly log: Log
  readonly clock: Clock
  readonly startedAt: number
  readonly storage: Storage
  readonly vault: Vault
  readonly audit: OpenedAudit
  readonly identity: Identity
  readonly services: Services
  readonly grants: Grants
  readonly openCalls: OpenCalls
  readonly gate: Gate
  readonly nextRid: () => CallId
  /** Where agents reach it; known once it listens. */
  url: string
  seal(reason: SealReason): void
  /** Somebody came without a token of ours. Gives undefined, so that it can stand where a principal would. */
  noteUnknown(): undefined
  /** An answer held the secret that was sent. */
  noteEcho(permit: Permit, count: number): void
  close(): Promise<void>
}

/** One node until there are clusters. */
const NODE = 'n1'

/** Everything below the doors. Rejects with a Problem for an unsafe home, one that is in use, or a newer database. */
export async function buildRooms({ settings, log, onFatal }: RoomsOptions): Promise<Rooms> {
  const clock = systemClock
  prepareHome(settings.home)
  const lock = takeLock(settings.home)
  const bootId = base62(randomBytes(4), 6)
  const storage = await openStorage({
    file: join(settings.home, 'claviger.db'),
    migrations: [
      ...vaultMigrations,
      ...identityMigrations,
      ...servicesMigrations,
      ...grantsMigrations,
      ...auditHeadMigrations,
    ],
    clock,
    onFatal,
    freeReserve: async () => {
      await audit.makeRoom()
      return true
    },
  })
  const { mint, redeem } = createMint()
  const vault = await createVault({
    storage,
    clock,
    redeem,
    onIntegrityFailure: (credential) => log.error({ credential }, 'a credential does not open and is disabled'),
  })
  const head = await notedHead(storage, NODE)
  const audit: OpenedAudit = await createAudit({
    dir: join(settings.home, 'audit'),
    nodeId: NODE,
    installId: Buffer.from(storage.instanceId, 'hex'),
    origin: `claviger-${storage.instanceId.slice(0, 16)}/audit/${NODE}`,
    bootId,
    version: VERSION,
    clock,
    epoch: () => storage.epoch(),
    database: { instanceId: storage.instanceId, epoch: storage.epoch(), head },
    witnessFile: settings.witnessFile,
    onFatal: (_code, cause) => onFatal(75, cause),
    onTrouble: (what, error) =>
      log.warn({ kind: what, err: error as Error }, 'a file beside the log could not be written'),
  })
  const keeper = keepHead(storage, audit, NODE, log)
  storage.recordWith(({ id, epoch, record }) => audit.append({ ...recordOf(record), epoch, outbox: id }))
  const identity = createIdentity({
    storage,
    clock,
    pepper: () => vault.keys().tokenPepper,
    onBadRow: (table, id) => log.error({ kind: table, id }, 'a row was edited by other hands and is refused'),
  })
  const services = createServices({ storage, clock })
  const grants = createGrants({ storage, clock })
  const openCalls = new OpenCalls()
  storage.follow((change) => cutOff(change, openCalls))
  const nextRid = callIds(bootId)
  const gate = new Gate({
    rooms: { services, grants, credentials: vault },
    audit,
    openCalls,
    limits: { total: settings.maxInFlight, perAgent: settings.maxInFlightPerAgent },
    clock,
    mint,
    epoch: () => storage.epoch(),
  })
  const rooms: Rooms = {
    log,
    clock,
    startedAt: clock.now(),
    storage,
    vault,
    audit,
    identity,
    services,
    grants,
    openCalls,
    gate,
    nextRid,
    url: '',
    seal: (reason) => sealHouse(rooms, reason),
    noteUnknown: () => {
      audit.deny({ rid: nextRid(), reason: 'unauthenticated', policy: storage.epoch() })
      return undefined
    },
    noteEcho: (permit, count) => noteEcho(rooms, permit, count),
    close: async () => {
      await audit.close()
      await keeper.close()
      await storage.close()
      lock.release()
    },
  }
  return rooms
}

/** Sealing ends what runs, then takes the keys away from everybody who was given them. */
function sealHouse(
  { openCalls, vault, audit, storage, identity, services, grants, log }: Rooms,
  reason: SealReason,
): void {
  if (vault.state().state !== 'unsealed') return
  openCalls.kill(() => true, 'sealed')
  audit.keysGone()
  vault.seal(reason)
  storage.authenticateWith(undefined)
  for (const room of [identity, services, grants]) room.clear()
  log.warn({ reason }, 'the vault is sealed')
}

function noteEcho({ audit, log }: Rooms, { call, credential }: Permit, count: number): void {
  log.warn({ rid: call.rid, service: call.serviceName, count }, 'the answer held the credential; it was taken out')
  const record = {
    type: 'echo',
    rid: call.rid,
    ev: { service: call.serviceName, count, ...(credential !== undefined && { credential }) },
  }
  audit
    .append(record)
    .catch((error: Error) => log.error({ rid: call.rid, err: error }, 'an echo could not be recorded'))
}
