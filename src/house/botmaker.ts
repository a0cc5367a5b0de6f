// Ties the BotMaker door and the LLM room to the others.
import { randomBytes, randomUUID } from 'node:crypto'
import type { AdminNeeds } from '../doors/botmaker/admin-needs.ts'
import { adminRoutes, adminWording } from '../doors/botmaker/admin-routes.ts'
import { dataDoor, isBotMakerPath } from '../doors/botmaker/data-door.ts'
import type { DataNeeds } from '../doors/botmaker/needs.ts'
import { newId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import { plainRoutes } from '../http/plain-routes.ts'
import { RateTable } from '../identity/sign-ins/rate-table.ts'
import type { Key, Vendor } from '../llm/contract.ts'
import { Llm } from '../llm/llm.ts'
import { llmRoutes } from '../llm/routes.ts'
import { llmUseRoutes } from '../llm/use-routes.ts'
import { regionsOf } from '../llm/vendor-regions.ts'
import type { Rooms } from '../rooms.ts'
import { templates } from '../services/templates/catalogue.ts'
import type { Settings } from '../settings.ts'
import { storageProblem } from '../storage/problems.ts'
import type { Actor } from '../storage/storage.ts'
import { adminHash, adminTokenOf, BotMakerAdmin } from './botmaker-admin.ts'
import type { CarryingDoor, DoorParts } from './carrying-doors.ts'
import { checksOf } from './check-credential.ts'
import { keysIn } from './llm-bots.ts'
import { deskOf, type LlmDesk } from './llm-desk.ts'
import { RefusedKeys } from './llm-refused-keys.ts'
import { ollamaService } from './ollama.ts'

/** Whoever holds the door's admin token, as records name them. */
const ADMIN: Actor = { kind: 'system', id: 'botmaker-admin' }
const ADMIN_REQUESTS_PER_MINUTE = 100

/** Vendors by the templates of services that are one. */
const presets: readonly Vendor[] = templates.flatMap(({ name: service, llm, origins: [usual = ''] }) =>
  llm === undefined ? [] : [{ ...llm, id: llm.vendor, service, regions: regionsOf(service, usual, llm.regions) }],
)

/** Vendors, bots, keys: loaded when the vault opens like the other rooms. */
export function buildLlm(
  rooms: Pick<Rooms, 'storage' | 'clock' | 'vault' | 'services' | 'log'>,
  { ollamaUpstream, llmUsageDays: keepDays }: Settings,
): Llm {
  const { storage, clock, log } = rooms
  return new Llm({
    ...{ storage, clock, presets, ollamaUpstream, keepDays },
    keysIn: (vendors): readonly Key[] => keysIn(rooms, vendors),
    onTrouble: (error) => log.warn({ err: error as Error }, 'what LLM calls took could not be written yet'),
  })
}

export function botMaker({ rooms, dataPlane, settings, log }: DoorParts): CarryingDoor[] {
  const admin = new BotMakerAdmin(settings.botmakerAdminListen && adminTokenOf(process.env), rooms)
  if (!settings.botmakerDoor) return []
  const desk = deskOf(rooms)
  const { clientOf, clock } = rooms
  const onBug = (error: unknown, rid: string) =>
    log.error({ rid, err: error as Error }, 'a request failed that should not have')
  const perMinute = settings.botmakerRequestsPerMinute
  const requests = new RateTable(clock, perMinute === 0 ? undefined : { most: perMinute, windowMs: 60_000 })
  const data = dataDoor(dataNeeds({ rooms, dataPlane, settings, log }, desk, requests), onBug)
  const routes = adminRoutes(adminNeeds(rooms, desk, admin))
  const administration = plainRoutes({ routes, wording: adminWording, clientOf, onBug })
  const doors = [{ name: 'botmaker', owns: isBotMakerPath, handle: data, place: settings.botmakerListen }]
  if (settings.botmakerAdminListen === undefined) return doors
  // Nowhere but at its own listener.
  const place = settings.botmakerAdminListen
  return [...doors, { name: 'botmaker-admin', owns: () => false, handle: administration, place }]
}

function dataNeeds(
  { rooms, dataPlane, settings, log }: Pick<DoorParts, 'rooms' | 'dataPlane' | 'settings' | 'log'>,
  desk: LlmDesk,
  requests: RateTable,
): DataNeeds {
  const onTrouble = (error: unknown) => log.warn({ err: error as Error }, 'a refused key could not be looked into')
  const { llm, services, clientOf, clock, audit, storage, nextRid } = rooms
  const refusedKeys = new RefusedKeys({ llm, clock, checks: checksOf(rooms, dataPlane.collect), onTrouble })
  return {
    ...{ llm, tokens: desk.tokens, clientOf, requests, nextRid },
    keyRefused: (key, agent) => refusedKeys.refused(key, agent),
    callingAgent: (request) => dataPlane.callingAgent(request),
    carry: (call) => dataPlane.carry(call),
    noteUnknown: () => audit.deny({ rid: nextRid(), reason: 'unauthenticated', policy: storage.epoch() }),
    noteDenied: (rid, { agent, token }, reason) => {
      const actor = { kind: 'agent', id: agent.id, key: token.id } as const
      audit.deny({ rid, actor, reason, policy: storage.epoch() })
    },
    ollamaEvents: settings.ollamaEvents,
    wantsKey: (service) => services.byName(service)?.injection !== undefined,
    isThere: (service) => services.byName(service) !== undefined,
    now: () => clock.now(),
  }
}

function adminNeeds(rooms: Rooms, desk: LlmDesk, admin: BotMakerAdmin): AdminNeeds {
  const { llm, clock, clientOf, vault } = rooms
  const shown = (token: { reveal(): Buffer }) => token.reveal().toString('latin1')
  return {
    ...{ llm, clock, clientOf },
    requests: new RateTable(clock, { most: ADMIN_REQUESTS_PER_MINUTE, windowMs: 60_000 }),
    checkAdmin: (presented, { address }) => {
      if (vault.state().state !== 'unsealed') throw storageProblem('vault_sealed')
      admin.check(presented, address)
    },
    // Its clients know keys by such ids.
    addKey: (key) => desk.addKey({ ...key, handle: randomUUID() }, ADMIN),
    removeKey: (id) => desk.removeKey(id, ADMIN),
    addBot: async (bot) => {
      const { token } = await desk.addBot(bot, ADMIN)
      if (token === undefined) throw new TypeError('a bot of its own agent has a token')
      return shown(token)
    },
    changeBot: (name, limits) => desk.changeBot(name, limits, ADMIN),
    setBudget: (name, budget) => desk.setBudget(name, budget, ADMIN),
    usage: (filter) => llm.ledger.usage(filter),
    keyHandle: (id) => vault.find(id)?.handle ?? id,
    removeBot: (name) => desk.removeBot(name, ADMIN),
    renewToken: async (name) => shown(await desk.renewToken(name, ADMIN)),
  }
}

/** The operators' endpoints beside the door. */
export function llmEndpoints<Who>(rooms: Rooms, actorOf: (who: Who) => Actor): BoundEndpoint<Who>[] {
  return [...useEndpoints<Who>(rooms, actorOf), ...deskEndpoints<Who>(rooms, actorOf)]
}

function useEndpoints<Who>({ llm, identity, vault }: Rooms, actorOf: (who: Who) => Actor): BoundEndpoint<Who>[] {
  return llmUseRoutes<Who>({
    ...{ ledger: llm.ledger, actorOf, newId: () => newId('bud') },
    agentOf: (name) => identity.requireAgent(name),
    agentName: (id) => identity.findAgent(id)?.name ?? id,
    keyHandle: (id) => vault.find(id)?.handle ?? id,
  })
}

function deskEndpoints<Who>(rooms: Rooms, actorOf: (who: Who) => Actor): BoundEndpoint<Who>[] {
  const desk = deskOf(rooms)
  return llmRoutes<Who>({
    llm: rooms.llm,
    actorOf,
    addKey: async ({ secret, ...key }, by) => {
      const sealed = Secret.fromText(secret)
      try {
        return await desk.addKey({ ...key, secret: sealed }, by)
      } finally {
        sealed.wipe()
      }
    },
    removeKey: (handle, by) => desk.removeKey(handle, by),
    keyOf: (handle) => desk.key(handle),
    addBot: ({ tokenHash, ...bot }, by) =>
      desk.addBot({ ...bot, tokenHash: tokenHash === undefined ? undefined : Buffer.from(tokenHash, 'hex') }, by),
    changeBot: (name, limits, by) => desk.changeBot(name, limits, by),
    removeBot: (name, by) => desk.removeBot(name, by),
    renewToken: (name, by) => desk.renewToken(name, by),
    renewAdminToken: async (by) => {
      const token = randomBytes(32).toString('hex')
      await rooms.llm.putAdmin(adminHash(rooms, token), by)
      return Secret.fromText(token)
    },
    vendorChanged: (by) => desk.syncAll(by),
  })
}

/** When the vault opens: a vendor that the settings name is there, and bots may use what they should. */
export async function settleLlm(rooms: Rooms): Promise<void> {
  const { ollamaUpstream } = rooms.llm
  if (ollamaUpstream !== undefined) await ollamaService(rooms, ollamaUpstream)
  await deskOf(rooms).syncAll({ kind: 'system', id: 'llm' })
}
