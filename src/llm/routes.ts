import { z } from 'zod'
import type { AgentId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, listOf, NameParam } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import { BasePath, type Bot, BotLimits, type Key, LlmApi, llmProblems, RegionName, Tags, VendorId } from './contract.ts'
import type { Llm } from './llm.ts'

const Text = z.string().regex(/^\P{C}{1,100}$/u)
const Time = z.int().nonnegative()

export const LlmVendorView = z.object({
  id: z.string(),
  /** Name of the service that it is. */
  service: z.string(),
  /** Before the path that clients send. */
  basePath: z.string(),
  api: LlmApi,
  group: z.string(),
  keyHint: z.string().optional(),
  defaultModel: z.string().optional(),
  embeddings: z.string().optional(),
  /** Of keys, where it has several. */
  regions: z.array(z.string()).optional(),
  keys: z.int(),
})

export const LlmKeyView = z.object({
  handle: z.string(),
  vendor: z.string(),
  region: z.string().optional(),
  tag: z.string().optional(),
  label: z.string().optional(),
  createdAt: Time,
  /** `aside`: the vendor refused it; nobody gets it until an operator looked. `resting`: for a while. */
  status: z.enum(['usable', 'resting', 'aside']),
  /** What the vendor answered when it was set aside. */
  answered: z.int().optional(),
  restSeconds: z.int().optional(),
  /** Bots that do not get it for a while: the vendor refused it to them, and nobody knows whether it means the key or the bot. */
  heldFrom: z.array(z.string()).optional(),
})

export const LlmBotView = z.object({
  name: z.string(),
  agent: z.string(),
  hostname: z.string().optional(),
  tags: z.array(z.string()).optional(),
  vendors: z.array(z.string()).optional(),
  models: z.array(z.string()).optional(),
  paths: z.array(z.string()).optional(),
  anyKey: z.boolean(),
  expiresAt: Time.optional(),
  createdAt: Time,
})

const operator = { caller: 'operator', problems: llmProblems } as const

export const listLlmVendors = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/llm/vendors',
  summary: 'LLM vendors: which service each is, and what is known of it',
  reply: listOf(LlmVendorView),
})

export const setLlmVendor = endpoint({
  ...operator,
  method: 'PUT',
  path: '/claviger/v1/llm/vendors/{name}',
  summary: 'Say which service a vendor is, and what stands before its clients’ paths; or name another vendor',
  params: z.strictObject({ name: VendorId }),
  body: z.strictObject({ service: z.string().min(1).max(64), basePath: BasePath, api: LlmApi }),
  reply: LlmVendorView,
})

export const resetLlmVendor = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/llm/vendors/{name}',
  summary: 'Forget what was said of a vendor: it is again what it is without that',
  params: NameParam,
  reply: Done,
})

export const listLlmKeys = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/llm/keys',
  summary: 'Keys of LLM vendors, never their secrets, and which of them rest',
  reply: listOf(LlmKeyView),
})

export const addLlmKey = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/llm/keys',
  summary: 'Seal a key of an LLM vendor; a key with a tag serves bots with that tag alone',
  body: z.strictObject({
    vendor: VendorId,
    secret: z.string().min(1).max(65_536),
    handle: z.string().max(64).optional(),
    tag: Tags.element.optional(),
    region: RegionName.optional(),
    label: Text.optional(),
  }),
  reply: LlmKeyView,
  status: 201,
})

export const removeLlmKey = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/llm/keys/{name}',
  summary: 'Remove a key; calls that run with it end',
  params: NameParam,
  reply: Done,
})

export const takeBackLlmKey = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/llm/keys/{name}/take-back',
  summary: 'Use a key again that its vendor refused',
  params: NameParam,
  reply: LlmKeyView,
})

export const listLlmBots = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/llm/bots',
  summary: 'Bots: agents that may call LLM vendors with the keys that are here, and what bounds them',
  reply: listOf(LlmBotView),
})

export const addLlmBot = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/llm/bots',
  summary: 'Let an agent call LLM vendors, or make an agent for it; one that is made gets a token, shown once',
  body: z.strictObject({
    name: Text,
    hostname: z.string().min(1).max(253).optional(),
    agent: z.string().min(1).max(128).optional(),
    limits: BotLimits.optional(),
    /** Tags as BotMaker kept them, and SHA-256 of the bot’s token in hex: for bots that are brought over. */
    tagsText: z.string().max(8_192).optional(),
    tokenHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
  reply: LlmBotView.extend({ token: z.string().optional() }),
  status: 201,
})

export const changeLlmBot = endpoint({
  ...operator,
  method: 'PUT',
  path: '/claviger/v1/llm/bots/{name}',
  summary: 'Bound a bot: tags, vendors, models, paths, an end; null takes a bound away, what is left out stays',
  params: NameParam,
  body: BotLimits,
  reply: LlmBotView,
})

export const removeLlmBot = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/llm/bots/{name}',
  summary: 'Remove a bot: its token, and the agent that was made for it, are dead',
  params: NameParam,
  reply: Done,
})

export const renewLlmBotToken = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/llm/bots/{name}/token',
  summary: 'A new token for a bot; the one before is dead at once',
  params: NameParam,
  reply: z.object({ token: z.string() }),
})

export const renewLlmAdminToken = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/llm/admin-token',
  summary: 'A new admin token for BotMaker’s administration; none before it is good any more',
  reply: z.object({ token: z.string() }),
})

export interface LlmRouteNeeds<Who> {
  readonly llm: Llm
  readonly actorOf: (who: Who) => Actor
  readonly addKey: (key: z.output<(typeof addLlmKey)['body'] & z.ZodType>, by: Actor) => Promise<string>
  readonly removeKey: (handle: string, by: Actor) => Promise<void>
  readonly keyOf: (handle: string) => Key
  readonly addBot: (
    bot: z.output<(typeof addLlmBot)['body'] & z.ZodType>,
    by: Actor,
  ) => Promise<{ readonly bot: Bot; readonly token: Secret | undefined }>
  readonly changeBot: (name: string, limits: BotLimits, by: Actor) => Promise<Bot>
  readonly removeBot: (name: string, by: Actor) => Promise<void>
  readonly renewToken: (name: string, by: Actor) => Promise<Secret>
  readonly renewAdminToken: (by: Actor) => Promise<Secret>
  /** Bots get what they should have. */
  readonly vendorChanged: (by: Actor) => Promise<void>
}

const shownToken = (token: Secret) => token.reveal().toString('latin1')

export function llmRoutes<Who>(needs: LlmRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { llm } = needs
  const by = (caller: unknown) => needs.actorOf(caller as Who)
  const viewOf = (handle: string) => keyView(llm, needs.keyOf(handle))
  return [
    ...vendorRoutes<Who>(needs),
    bind(listLlmKeys, () => ({ items: llm.keys.all().map((key) => keyView(llm, key)) })),
    bind(addLlmKey, async ({ body, caller }) => viewOf(await needs.addKey(body, by(caller)))),
    bind(removeLlmKey, async ({ params, caller }) => {
      await needs.removeKey(params.name, by(caller))
      return done
    }),
    bind(takeBackLlmKey, async ({ params, caller }) => {
      await llm.takeBack(needs.keyOf(params.name).id, by(caller))
      return viewOf(params.name)
    }),
    bind(listLlmBots, () => ({ items: llm.bots().map(botView) })),
    bind(addLlmBot, async ({ body, caller }) => {
      const { bot, token } = await needs.addBot(body, by(caller))
      return token === undefined ? botView(bot) : { ...botView(bot), token: shownToken(token) }
    }),
    bind(changeLlmBot, async ({ params, body, caller }) =>
      botView(await needs.changeBot(params.name, body, by(caller))),
    ),
    bind(removeLlmBot, async ({ params, caller }) => {
      await needs.removeBot(params.name, by(caller))
      return done
    }),
    bind(renewLlmBotToken, async ({ params, caller }) => ({
      token: shownToken(await needs.renewToken(params.name, by(caller))),
    })),
    bind(renewLlmAdminToken, async ({ caller }) => ({ token: shownToken(await needs.renewAdminToken(by(caller))) })),
  ]
}

function vendorRoutes<Who>({ llm, actorOf, vendorChanged }: LlmRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const viewOf = (id: string) => {
    const vendor = llm.vendors().find((one) => one.id === id)
    if (vendor === undefined) throw new TypeError('a vendor was put and is not there')
    return { ...vendor, regions: vendor.regions && Object.keys(vendor.regions), keys: llm.keys.of(id).length }
  }
  return [
    bind(listLlmVendors, () => ({ items: llm.vendors().map(({ id }) => viewOf(id)) })),
    bind(setLlmVendor, async ({ params: { name: id }, body, caller }) => {
      const by = actorOf(caller as Who)
      await llm.putVendor({ id, ...body }, by)
      await vendorChanged(by)
      return viewOf(id)
    }),
    bind(resetLlmVendor, async ({ params, caller }) => {
      const by = actorOf(caller as Who)
      await llm.removeVendor(params.name, by)
      await vendorChanged(by)
      return done
    }),
  ]
}

function keyView(llm: Llm, { id, handle, vendor, region, tag, label, createdAt }: Key): z.input<typeof LlmKeyView> {
  const { keys } = llm
  const answered = keys.asideOf(id)
  const heldFrom = keys.heldFrom(id).map((agent) => llm.bot(agent as AgentId)?.bot.name ?? agent)
  const restSeconds = Math.ceil(keys.restMsOf(id) / 1_000)
  const status = answered !== undefined ? 'aside' : restSeconds > 0 ? 'resting' : 'usable'
  const rests = { ...(status === 'resting' && { restSeconds }), ...(heldFrom.length > 0 && { heldFrom }) }
  return { handle, vendor, region, tag, label, createdAt, status, answered, ...rests }
}

function botView({ name, agent, hostname, tags, vendors, models, paths, anyKey, expiresAt, createdAt }: Bot) {
  const copied = (list: readonly string[] | undefined) => list && [...list]
  const lists = { tags: copied(tags), vendors: copied(vendors), models: copied(models), paths: copied(paths) }
  return { name, agent, hostname, ...lists, anyKey, expiresAt, createdAt }
}
