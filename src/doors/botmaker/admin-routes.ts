// BotMaker's administration (botmaker.md §4): on a listener of its own, and for whoever holds the door's admin token.
import { z } from 'zod'
import type { Problem } from '../../ground/problem.ts'
import { Secret } from '../../ground/secret.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import { type Bot, BotBudget, BotLimits, type Key, llmProblem, type UsageRow } from '../../llm/contract.ts'
import { MICROS } from '../../llm/use-routes.ts'
import type { AdminNeeds } from './admin-needs.ts'
import { adminProblem } from './admin-problems.ts'
import { wording } from './wording.ts'

const BEARER = /^Bearer +([^\s]+)$/i
const seconds = (ms: number) => Math.floor(ms / 1_000)

export function adminRoutes(needs: AdminNeeds): PlainRoute[] {
  const routes: PlainRoute[] = [
    { method: 'GET', path: '/admin/health', handle: () => reply(healthOf(needs)) },
    { method: 'POST', path: '/admin/keys', handle: (asked) => addKey(needs, asked) },
    { method: 'GET', path: '/admin/keys', handle: () => reply(needs.llm.keys.all().map(shownKey).reverse()) },
    { method: 'DELETE', path: '/admin/keys/{id}', handle: (asked) => removeKey(needs, asked) },
    { method: 'POST', path: '/admin/bots', handle: (asked) => addBot(needs, asked) },
    { method: 'GET', path: '/admin/bots', handle: () => reply(needs.llm.bots().map(shownBot)) },
    { method: 'DELETE', path: '/admin/bots/{id}', handle: (asked) => removeBot(needs, asked) },
    { method: 'PATCH', path: '/admin/bots/{id}', handle: (asked) => changeBot(needs, asked) },
    { method: 'GET', path: '/admin/usage', handle: (asked) => usage(needs, asked) },
    { method: 'POST', path: '/admin/bots/{id}/token', handle: (asked) => renewToken(needs, asked) },
  ]
  return routes.map((route) => forAdmin(needs, route))
}

/** In the words of the contract, which the problem's title is here. */
export function adminWording(problem: Problem, rid: string): PlainReply {
  const text = worded[problem.code]
  if (text === undefined && !problem.code.startsWith('llm_admin')) return wording(problem, rid)
  const error = text ?? problem.detail ?? problem.title
  return { status: problem.status, body: { error, code: problem.code, requestId: rid } }
}

const worded: Readonly<Record<string, string>> = {
  llm_key_unknown: 'Key not found',
  llm_region_unknown: 'Unknown region',
  llm_service_elsewhere: 'The service by the vendor’s name leads elsewhere',
  llm_bot_unknown: 'Bot not found',
  llm_bot_exists: 'Bot already registered',
  llm_hostname_taken: 'Hostname already registered',
}

function forAdmin(needs: AdminNeeds, route: PlainRoute): PlainRoute {
  return {
    ...route,
    handle: (asked) => {
      const { address } = asked.client
      const waitMs = needs.requests.waitMs(address)
      if (waitMs > 0) throw llmProblem('llm_flood', { facts: { retryAfterSeconds: Math.ceil(waitMs / 1_000) } })
      needs.requests.take(address)
      const shown = headerOf(asked.request.rawHeaders, 'authorization')?.trim()
      needs.checkAdmin(shown === undefined ? undefined : (BEARER.exec(shown)?.[1] ?? ''), asked.client)
      return route.handle(asked)
    },
  }
}

const reply = (body: object, status = 200): PlainReply => ({ status, body })
const invalid = (detail: string) => adminProblem('llm_admin_invalid', { detail })

function healthOf({ llm }: AdminNeeds) {
  return { status: 'ok', keyCount: llm.keys.all().length, botCount: llm.bots().length }
}

const shownKey = ({ handle: id, vendor, label, tag, createdAt }: Key) => ({
  ...{ id, vendor, label: label ?? null, tag: tag ?? null },
  created_at: seconds(createdAt),
})

const shownBot = ({ name: id, hostname, tagsText, vendors, models, paths, expiresAt }: Bot) => ({
  ...{ id, hostname: hostname ?? null, tags: tagsText ?? null },
  ...{ vendors: vendors ?? null, models: models ?? null, paths: paths ?? null, expiresAt: expiresAt ?? null },
})

async function addKey(needs: AdminNeeds, asked: PlainAsked): Promise<PlainReply> {
  const { vendor, secret, label, tag, region } = objectOf(await asked.json())
  if (!isText(vendor) || !isText(secret)) throw invalid('Missing vendor or secret')
  const sealed = Secret.fromText(secret)
  try {
    const id = await needs.addKey({
      vendor,
      secret: sealed,
      label: optional(label, 'label'),
      tag: optional(tag, 'tag'),
      region: optional(region, 'region'),
    })
    return reply({ id })
  } finally {
    sealed.wipe()
  }
}

async function removeKey(needs: AdminNeeds, { params }: PlainAsked): Promise<PlainReply> {
  await needs.removeKey(params.id as string)
  return reply({ ok: true })
}

async function addBot(needs: AdminNeeds, asked: PlainAsked): Promise<PlainReply> {
  const { botId, hostname, tags } = objectOf(await asked.json())
  if (!isText(botId) || !isText(hostname)) throw invalid('Missing botId or hostname')
  if (botId.length > 100 || hostname.length > 253) throw invalid('botId or hostname is too long')
  const read = checked(z.array(z.string().max(64)).max(32).nullish(), tags ?? null, 'tags')
  const tagsText = read === null || read === undefined ? undefined : JSON.stringify(read)
  return reply({ token: await needs.addBot({ name: botId, hostname, tagsText }) })
}

async function removeBot(needs: AdminNeeds, { params }: PlainAsked): Promise<PlainReply> {
  await needs.removeBot(params.id as string)
  return reply({ ok: true })
}

async function renewToken(needs: AdminNeeds, { params }: PlainAsked): Promise<PlainReply> {
  return reply({ token: await needs.renewToken(params.id as string) })
}

/** Milliseconds, seconds or a date, as clients of either taste say it. */
const Time = z.union([z.number().nonnegative(), z.iso.datetime({ offset: true })]).nullable()
const Patch = BotLimits.omit({ expiresAt: true }).extend({
  expiresAt: Time.optional(),
  budget: BotBudget.nullable().optional(),
})

async function changeBot(needs: AdminNeeds, asked: PlainAsked): Promise<PlainReply> {
  const { expiresAt, budget, ...limits } = checked(Patch, await asked.json(), 'body')
  const name = asked.params.id as string
  await needs.changeBot(name, expiresAt === undefined ? limits : { ...limits, expiresAt: msOf(expiresAt) })
  if (budget !== undefined) await needs.setBudget(name, budget)
  return reply({ ok: true })
}

const SECONDS_BELOW = 100_000_000_000

function msOf(time: z.output<typeof Time>): number | null {
  if (time === null) return null
  if (typeof time === 'string') return Date.parse(time)
  return Math.round(time < SECONDS_BELOW ? time * 1_000 : time)
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw invalid(`Invalid ${issue?.path.join('.') || what}: ${issue?.message ?? 'not understood'}`.slice(0, 200))
}

function objectOf(value: JsonValue): Readonly<Record<string, JsonValue | undefined>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

function optional(value: JsonValue | undefined, name: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string' || !/^\P{C}{1,100}$/u.test(value)) throw invalid(`Invalid ${name}`)
  return value
}

const MOST_ROWS = 1_000

async function usage(needs: AdminNeeds, { query }: PlainAsked): Promise<PlainReply> {
  const bot = query.get('botId')
  const filter = {
    agent: bot === null ? undefined : needs.llm.botNamed(bot).agent,
    vendor: query.get('vendor') ?? undefined,
    from: timeIn(query, 'from'),
    to: timeIn(query, 'to'),
    limit: MOST_ROWS,
  }
  const { rows, totals } = await needs.usage(filter)
  const { requests, tokensIn, tokensOut, cost } = totals
  return reply({
    rows: rows.map((row) => shownUsage(needs, row)),
    totals: { requests, tokens_in: tokensIn, tokens_out: tokensOut, cost_usd: cost / MICROS },
  })
}

function shownUsage({ llm, keyHandle }: AdminNeeds, row: UsageRow) {
  const { agent, vendor, key, status, at, model, tokensIn, tokensOut, cost, ms, bytesIn, bytesOut, aborted } = row
  return {
    ...{ bot_id: llm.bot(agent)?.bot.name ?? agent, vendor, key_id: key === undefined ? null : keyHandle(key) },
    ...{ status_code: status, created_at: seconds(at), model: model ?? null },
    ...{
      tokens_in: tokensIn ?? null,
      tokens_out: tokensOut ?? null,
      cost_usd: cost === undefined ? null : cost / MICROS,
    },
    ...{ duration_ms: ms, bytes_in: bytesIn, bytes_out: bytesOut, aborted, estimated: row.estimated },
  }
}

function timeIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const time = /^\d{1,16}$/.test(text) ? Number(text) : text
  return msOf(checked(Time, time, name)) ?? undefined
}
