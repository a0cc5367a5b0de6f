import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { plainIssue, type SchemaIssue } from '../ground/plain-issue.ts'
import { Problem } from '../ground/problem.ts'
import { parseStrictJson } from '../ground/strict-json.ts'
import type { ClientOf } from './client-address.ts'
import { Answer, type AnyEndpoint, type BoundEndpoint, type Caller, type Wording } from './endpoint.ts'
import { EventStream, type EventStreams } from './event-streams.ts'
import { goneSignal } from './gone-signal.ts'
import { httpProblem } from './problems.ts'
import { Form, readForm } from './read-form.ts'
import { asProblem, problemHeaders, problemText, upgradeHeaders } from './send-problem.ts'

/** Reading JSON holds up every call there is: the less is known of a caller, the less is read. Bytes. */
const BODY_LIMITS: Readonly<Record<Caller, number>> = {
  anyone: 4 * 1024,
  agent: 64 * 1024,
  service: 64 * 1024,
  operator: 1024 * 1024,
  person: 4 * 1024,
}
/** Reading a form costs little, and three tokens in one are no rarity. */
const FORM = 'application/x-www-form-urlencoded'
const FORM_LIMIT = 16 * 1024

const never = () => {
  throw new TypeError('control plane: a route with a schema for Fastify')
}

/** zod reads what comes in and JSON.stringify writes what goes out; without these Fastify loads ajv and a generator. */
const noCompilers = { buildValidator: () => never, buildSerializer: () => never }

export interface ControlPlaneOptions<Who> {
  readonly endpoints: readonly BoundEndpoint<Who>[]
  /** Who asks, judged by the request's headers; throws a Problem unless it is a caller of the wanted kind. */
  readonly authenticate: (headers: FastifyRequest['raw'], endpoint: AnyEndpoint) => Who
  readonly clientOf: ClientOf
  /** Where answers that go on are kept; wanted where an endpoint has one. */
  readonly streams?: Pick<EventStreams<Who>, 'open'> | undefined
  /** Refuses a request for how it came, before anything else is looked at. */
  readonly refuse?: (request: FastifyRequest['raw'], endpoint: AnyEndpoint) => Problem | undefined
  readonly nextRid: () => string
  /** Told of everything that was not promised. */
  readonly onBug: (error: unknown, rid: string) => void
}

/**
 * The control plane: Fastify over endpoints that are data. It owns routing, reading, validation and the form of errors;
 * it decides nothing. It does not listen: `listen.ts` hands it requests.
 */
export async function buildControlPlane<Who>(options: ControlPlaneOptions<Who>): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMITS.anyone,
    exposeHeadRoutes: false,
    genReqId: options.nextRid,
    return503OnClosing: true,
    schemaController: { compilersFactory: noCompilers },
    frameworkErrors: (_error, request, reply) =>
      send(reply, httpProblem('request_invalid', { detail: 'the path is not well-formed' }), request.id),
  })
  app.decorateRequest('caller')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, bytes: Buffer) =>
    parseStrictJson(bytes),
  )
  app.addContentTypeParser(FORM, { parseAs: 'buffer' }, async (_request: FastifyRequest, bytes: Buffer) =>
    readForm(bytes),
  )
  const wordings = wordingsBelow(options.endpoints)
  app.setNotFoundHandler((request, reply) => {
    const wording = wordings.get(firstSegment(request.url))
    const problem = unknownRoute(app, request)
    return wording === undefined
      ? send(reply, problem, request.id)
      : sendWording(reply, wording(problem, request.id), request.id)
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = fastifyProblem(error) ?? asProblem(error)
    if (problem.code === 'internal_error') options.onBug(error, request.id)
    const { wording } = request.routeOptions.config as RouteConfig
    return wording === undefined
      ? send(reply, problem, request.id)
      : sendWording(reply, statusKept(problem, wording(problem, request.id)), request.id)
  })
  for (const bound of options.endpoints) addRoute(app, bound, options)
  await app.ready()
  return app
}

/** How what is not there is refused, by where it would be: beside endpoints that have words of their own, in those. */
function wordingsBelow(endpoints: readonly BoundEndpoint<never>[]): Map<string, NonNullable<AnyEndpoint['wording']>> {
  const worded = endpoints.flatMap(({ endpoint: { path, wording } }) =>
    wording === undefined ? [] : [[firstSegment(path), wording] as const],
  )
  return new Map(worded)
}

function firstSegment(path: string): string {
  return path.split(/[/?]/, 2)[1] ?? ''
}

/** What Fastify keeps with a route for us. */
interface RouteConfig {
  readonly wording?: AnyEndpoint['wording']
}

function addRoute<Who>(app: FastifyInstance, bound: BoundEndpoint<Who>, options: ControlPlaneOptions<Who>): void {
  const { endpoint, handle } = bound
  app.route({
    method: endpoint.method,
    url: endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    bodyLimit: endpoint.maxBody ?? (endpoint.form === true ? FORM_LIMIT : BODY_LIMITS[endpoint.caller]),
    config: { wording: endpoint.wording } satisfies RouteConfig,
    onRequest: async (request) => {
      const refusal = options.refuse?.(request.raw, endpoint)
      if (refusal !== undefined) throw refusal
      const who = options.authenticate(request.raw, endpoint)
      request.setDecorator('caller', who)
    },
    handler: async (request, reply) => {
      const params = check(endpoint.params, request.params, 'path')
      const query = check(endpoint.query, request.query, 'query')
      const body = check(endpoint.body, bodyOf(request, endpoint), 'body')
      const caller = request.getDecorator<Who>('caller')
      const { rawHeaders } = request.raw
      const client = options.clientOf(request.raw)
      const gone = () => goneSignal(reply.raw)
      const answer = await handle({ params, query, body, caller, rid: request.id, client, rawHeaders, gone })
      if (answer instanceof EventStream) return goOn(options, endpoint, caller, reply, answer)
      const result = answer instanceof Answer ? answer.reply : answer
      reply.header('claviger-request-id', request.id).header('cache-control', cacheControl(endpoint))
      if (answer instanceof Answer) reply.headers(answer.headers)
      if (endpoint.text !== undefined) {
        return reply
          .type(`text/${endpoint.text}; charset=utf-8`)
          .headers(PAGE_HEADERS)
          .send(endpoint.reply.parse(result))
      }
      return reply
        .status((answer instanceof Answer ? answer.status : undefined) ?? endpoint.status ?? 200)
        .type('application/json')
        .send(endpoint.readyMade === true ? result : JSON.stringify(endpoint.reply.parse(result)))
    },
  })
}

/** The connection is the stream's from here on. */
function goOn<Who>(
  { streams }: ControlPlaneOptions<Who>,
  { caller: kind }: AnyEndpoint,
  caller: Who,
  reply: FastifyReply,
  stream: EventStream,
): FastifyReply {
  if (streams === undefined) throw new TypeError('control plane: no place for streams')
  streams.open(caller, kind, reply.raw, reply.request.id, stream)
  return reply.hijack()
}

/** A form where a form is wanted, and nothing but JSON elsewhere. */
function bodyOf({ body }: FastifyRequest, { form }: AnyEndpoint): unknown {
  const given = body !== undefined && body !== null
  if (given && body instanceof Form !== (form === true))
    throw httpProblem('media_type_refused', { ...(form && wantsForm) })
  return body instanceof Form ? body.values : body
}

const wantsForm = { hint: `Send content-type: ${FORM}.` }

function cacheControl({ cacheSeconds }: AnyEndpoint): string {
  return cacheSeconds === undefined ? 'no-store' : `public, max-age=${cacheSeconds}`
}

/** A page of ours runs no script, loads nothing and is framed by nobody. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

function check(schema: z.ZodType | undefined, value: unknown, part: 'path' | 'query' | 'body'): unknown {
  if (schema === undefined) {
    const extra =
      part === 'body' ? value !== undefined && value !== null : Object.keys(value ?? {}).length > 0 && part === 'query'
    if (extra) throw httpProblem('request_invalid', { detail: `this endpoint takes no ${part}`, facts: { part } })
    return undefined
  }
  if (part === 'body' && value === undefined) {
    throw httpProblem('request_invalid', { detail: 'a body is required', facts: { part } })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const at = issue?.path.join('.') ?? ''
  throw httpProblem('request_invalid', {
    detail: `${part}${at === '' ? '' : ` member '${at}'`}: ${issue === undefined ? 'refused' : plainIssue(issue as SchemaIssue)}`,
    facts: { part, member: at },
  })
}

function unknownRoute(app: FastifyInstance, request: FastifyRequest): Problem {
  const path = request.url.split('?')[0] ?? '/'
  const allowed = (['GET', 'POST', 'PUT', 'DELETE'] as const).filter(
    (method) => app.findRoute({ method, url: path }) !== null,
  )
  return allowed.length > 0
    ? httpProblem('method_refused', { hint: `Use ${allowed.join(' or ')}.` })
    : httpProblem('endpoint_unknown')
}

/** Fastify's own refusals, in our words. */
function fastifyProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return httpProblem('body_too_large')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return httpProblem('media_type_refused')
  if (code?.startsWith('FST_ERR_CTP') || statusCode === 400)
    return httpProblem('request_invalid', { detail: 'the body could not be read' })
  return undefined
}

/** How a request came is between HTTP and its client: no dialect calls that otherwise. */
function statusKept({ status }: Problem, wording: Wording): Wording {
  return status === 426 ? { ...wording, status } : wording
}

function sendWording(reply: FastifyReply, { status, headers, body }: Wording, rid: string): FastifyReply {
  if (!reply.raw.req.complete) reply.header('connection', 'close')
  return reply
    .status(status)
    .headers({ 'cache-control': 'no-store', ...headers, ...upgradeHeaders(status), 'claviger-request-id': rid })
    .type('application/json')
    .send(JSON.stringify(body))
}

function send(reply: FastifyReply, problem: Problem, rid: string): FastifyReply {
  const body = Buffer.from(problemText(problem, rid))
  if (!reply.raw.req.complete) reply.header('connection', 'close')
  return reply
    .status(problem.status)
    .headers(problemHeaders(problem, rid, body.length))
    .send(body)
}
