// Ties the agentic-credential-vault door to the rooms.
import type { IncomingMessage } from 'node:http'
import { takenFromEnvironment } from '../crypto/guessed-secret.ts'
import { VaultAdmin } from '../doors/agentvault/admin.ts'
import { AdminToken } from '../doors/agentvault/admin-token.ts'
import { agentVaultDoor } from '../doors/agentvault/agentvault.ts'
import { withdrawUnbound } from '../doors/agentvault/door-grants.ts'
import { tidyUp } from '../doors/agentvault/left-behind.ts'
import { OwnRevocations, REVOCATIONS_PER_MINUTE } from '../doors/agentvault/own-revocations.ts'
import { VaultBook } from '../doors/agentvault/vault-book.ts'
import { wording } from '../doors/agentvault/wording.ts'
import { type PlainRoute, plainRoutes } from '../http/plain-routes.ts'
import type { AgentPrincipal } from '../identity/contract.ts'
import { RateTable } from '../identity/sign-ins/rate-table.ts'
import type { Rooms } from '../rooms.ts'
import type { Settings } from '../settings.ts'
import { VAULT_ADMIN_TOKEN } from '../vault-settings.ts'
import type { CarryingDoor, DoorParts } from './carrying-doors.ts'

type BelowTheDoor = Pick<Rooms, 'clock' | 'storage' | 'services' | 'grants' | 'vault' | 'identity' | 'openCalls'>

/** What the door remembers, loaded when the vault opens like the rooms; and its changes, by its admin and by operators. */
export function buildVaultDoor(rooms: BelowTheDoor, settings: Settings): Pick<Rooms, 'vaultBook' | 'vaultAdmin'> {
  const { clock, storage, services, grants, vault, identity, openCalls } = rooms
  const book = new VaultBook({ storage, services, vault, sessions: identity.room.sessions, openCalls })
  const { vaultAddresses: addresses, vaultRpm } = settings
  const rpm = vaultRpm === 0 ? undefined : vaultRpm
  const needs = { clock, storage, identity, services, grants, vault, book, addresses, rpm }
  return { vaultBook: book, vaultAdmin: new VaultAdmin(needs) }
}

/** When the vault opens: what earlier versions made or left that is not so any more. */
export async function settleVaultDoor({ storage, grants, vaultBook: book }: Rooms): Promise<void> {
  await withdrawUnbound({ storage, grants, book })
  await tidyUp({ storage, book })
}

export function agentVault({ rooms, dataPlane, settings, log }: DoorParts): CarryingDoor[] {
  const { clock, clientOf } = rooms
  const adminToken = new AdminToken(takenFromEnvironment(process.env, VAULT_ADMIN_TOKEN), clock)
  if (!settings.vaultDoor) return []
  const { storage, identity, services, grants, vault, audit, vaultBook: book } = rooms
  const { vaultAudience: audience, vaultAddresses: addresses, vaultRpm, vaultIssuesPerMinute: issues } = settings
  const rate = issues === 0 ? undefined : { most: issues, windowMs: 60_000 }
  const needs = {
    ...{ clock, storage, identity, services, grants, vault, audit, book, adminToken, audience, addresses },
    rpm: vaultRpm === 0 ? undefined : vaultRpm,
    issues: new RateTable(clock, rate),
    revocations: new OwnRevocations(new RateTable(clock, { most: REVOCATIONS_PER_MINUTE, windowMs: 60_000 })),
    collect: dataPlane.collect,
    // The gate sees less of it than there is.
    agentOf: (request: IncomingMessage) => dataPlane.callingAgent(request).principal as AgentPrincipal,
    clientOf,
  }
  const routes = agentVaultDoor(needs, rooms.vaultAdmin)
  // On its own listener; on the agents' one `/health` is everybody's.
  const health: PlainRoute = { method: 'GET', path: '/health', handle: () => ({ status: 200, body: { ok: true } }) }
  const handle = plainRoutes({
    routes: [...routes, health],
    wording,
    clientOf,
    onBug: (error, rid) => log.error({ rid, err: error as Error }, 'a request failed that should not have'),
  })
  return [{ name: 'agentvault', owns: (url) => url.startsWith('/vault.'), handle, place: settings.vaultListen }]
}
