/**
 * `ALL /v1/{vendor}/{path…}`: calls of bots to LLM vendors, in BotMaker's words. Translates, and owns nothing: who asks is
 * identity's to say, what they may the gate's and the LLM room's, what they are answered the vendor's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../../ground/problem.ts'
import { canonicalTarget, type Target } from '../../ground/target.ts'
import { framingRefused, whenInTurn } from '../../http/framing.ts'
import type { Handle } from '../../http/listen.ts'
import { asProblem } from '../../http/send-problem.ts'
import type { BotEntry } from '../../llm/bot-entry.ts'
import { CallMeter } from '../../llm/call-meter.ts'
import { type Key, llmProblem, type Vendor } from '../../llm/contract.ts'
import { openToAll } from '../../llm/open-paths.ts'
import type { CallingAgent } from '../../proxy/carry-out.ts'
import { LlmCall } from './llm-call.ts'
import { MeteredBody } from './metered-body.ts'
import type { DataNeeds } from './needs.ts'
import { KeptBodies, MAX_BODY } from './read-request.ts'
import { whoAsks, withoutKey } from './who-asks.ts'
import { askedWhole } from './whole-as-events.ts'
import { sendReply, wording } from './wording.ts'

const OPENAI_ALIAS = '/proxy/openai/chat/completions'
const CALL = /^\/v1\/([^/?]+)(\/[^?]*)?(\?.*)?$/s
const SHOWN = 64
const OLLAMA = 'ollama'
const none: readonly Key[] = Object.freeze([])

/** Whether a path of the agents' listener is this door's. */
export function isBotMakerPath(url: string): boolean {
  return url.startsWith('/v1/') || isAlias(url)
}

export function dataDoor(needs: DataNeeds, onBug: (error: unknown, rid: string) => void): Handle {
  const kept = new KeptBodies()
  return (request, response, rid) =>
    whenInTurn(response, () => {
      if (framingRefused(request, response, rid)) return
      handle(needs, kept, request, response, rid).catch((error) => {
        if (!(error instanceof Problem)) onBug(error, rid)
        sendReply(response, wording(asProblem(error), rid))
      })
    })
}

async function handle(
  needs: DataNeeds,
  kept: KeptBodies,
  request: IncomingMessage,
  response: ServerResponse,
  rid: string,
): Promise<void> {
  refuseFlood(needs, request)
  const found = CALL.exec(pathOf(request))
  if (found === null) return sendReply(response, notFound(request))
  const { vendor, caller, asked } = readHead(needs, request, found)
  try {
    await carry(needs, kept, { request, response, rid }, { vendor, caller, asked })
  } catch (error) {
    if (error instanceof Problem) needs.noteDenied(rid, caller.principal, error.code)
    throw error
  }
}

async function carry(
  needs: DataNeeds,
  kept: KeptBodies,
  {
    request,
    response,
    rid,
  }: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly rid: string },
  { vendor, caller, asked }: AskedHead,
): Promise<void> {
  const entry = needs.llm.bot(caller.principal.agent.id)
  const method = request.method as string
  // Read for itself first: so no path climbs out of what stands before it.
  const own = canonicalTarget(asked)
  judge(needs, entry, vendor, method, own)
  const target = vendor.basePath === '' ? own : canonicalTarget(`${vendor.basePath}${asked}`)
  const read = await kept.read(request, response)
  const whole = Buffer.isBuffer(read) && needs.ollamaEvents && vendor.id === OLLAMA ? askedWhole(read) : undefined
  const body = whole ?? read
  const keys = keysFor(needs, entry, vendor)
  const agent = caller.principal.agent.id
  const meter = new CallMeter(needs.llm.ledger, { rid, agent, entry, vendor, method, target: own, ...saidOf(request) })
  const streams = body === request
  if (Buffer.isBuffer(body)) meter.asked.push(body)
  if (!streams) {
    meter.asked.end()
    meter.judge()
  } else if (meter.isBounded) meter.reserve()
  const through = streams ? new MeteredBody(meter, MAX_BODY) : undefined
  const rawHeaders = needs.wantsKey(keys[0]?.service ?? vendor.service)
    ? request.rawHeaders
    : inPlain(request.rawHeaders)
  const sent = { rid, caller, vendor, method, target, rawHeaders, body, through, response, keys, meter }
  await new LlmCall(needs, { ...sent, asEvents: whole !== undefined }).start()
}

/** What the head says of the body. Of several types nobody knows which counts. */
function saidOf({ headers, rawHeaders }: IncomingMessage) {
  const types = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-type')
  const length = headers['content-length']
  return {
    type: types.length === 1 ? headers['content-type'] : undefined,
    length: length === undefined ? undefined : Number(length),
  }
}

interface AskedHead {
  readonly vendor: Vendor
  readonly caller: CallingAgent
  /** Path and query, as the client wrote them. */
  readonly asked: string
}

/** Who asks which vendor. Throws Problems. */
function readHead(needs: DataNeeds, request: IncomingMessage, found: RegExpExecArray): AskedHead {
  const [, name = '', rest = '/', query = ''] = found
  const vendor = needs.llm.vendor(name)
  // What is on this machine is a vendor where an operator said so.
  const isKnown = vendor !== undefined && (vendor.group !== 'local' || needs.isThere(vendor.service))
  if (!isKnown) throw llmProblem('llm_vendor_unknown', { facts: { vendor: shownName(name) } })
  const { target: asked, queryToken } = withoutKey(`${rest}${query}`, vendor.api === 'google-gemini')
  return { vendor, caller: whoAsks(needs, request, queryToken), asked }
}

/** Answers that nobody decodes are asked for as they can be read. */
function inPlain(rawHeaders: readonly string[]): readonly string[] {
  const kept = rawHeaders.filter((_, at) => (rawHeaders[at - (at % 2)] as string).toLowerCase() !== 'accept-encoding')
  return [...kept, 'accept-encoding', 'identity']
}

/** Throws Problem `llm_flood`. */
function refuseFlood({ requests, clientOf }: DataNeeds, request: IncomingMessage): void {
  const { address } = clientOf(request)
  const waitMs = requests.waitMs(address)
  if (waitMs > 0) throw llmProblem('llm_flood', { facts: { retryAfterSeconds: Math.ceil(waitMs / 1_000) } })
  requests.take(address)
}

function pathOf({ url = '' }: IncomingMessage): string {
  return isAlias(url) ? `/v1/openai/chat/completions${url.slice(OPENAI_ALIAS.length)}` : url
}

function isAlias(url: string): boolean {
  return url === OPENAI_ALIAS || url.startsWith(`${OPENAI_ALIAS}?`)
}

/** What a bot may not is refused before its body is read. Throws Problem `llm_token_refused`, `llm_tags_unreadable`, `llm_not_allowed`. */
function judge(needs: DataNeeds, entry: BotEntry | undefined, vendor: Vendor, method: string, target: Target): void {
  if (entry?.isOver(needs.now()) === true) throw llmProblem('llm_token_refused')
  if (entry !== undefined && entry.bot.tags === undefined) throw llmProblem('llm_tags_unreadable')
  if (entry?.mayUse(vendor.id) === false) throw llmProblem('llm_not_allowed', { facts: { what: 'vendor' } })
  const isOpen = entry?.isOpen(vendor.api, method, target) ?? openToAll(vendor.api).has(method, target)
  if (!isOpen) throw llmProblem('llm_not_allowed', { facts: { what: 'path' } })
}

/** Throws Problem `llm_no_key`. An agent that is no bot here goes with the credential of its own grant. */
function keysFor(needs: DataNeeds, entry: BotEntry | undefined, vendor: Vendor): readonly Key[] {
  if (entry === undefined) return none
  if (needs.isThere(vendor.service) && !needs.wantsKey(vendor.service)) return none
  const keys = needs.llm.keys.choose(vendor.id, entry.bot)
  if (keys.length === 0) throw llmProblem('llm_no_key', { facts: { vendor: vendor.id } })
  needs.llm.keepTurns()
  return keys
}

function shownName(name: string): string {
  return name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, SHOWN)
}

function notFound({ method, url = '' }: IncomingMessage) {
  const path = url.split('?', 1)[0]
  return {
    status: 404,
    body: { message: `Route ${method}:${path} not found`, error: 'Not Found', statusCode: 404 },
  }
}
