// The gateway's own calls: token endpoints, key sets, metadata, webhooks, push, messengers, feeds. Its invariant: each
// goes to an origin that was pinned for it, at a judged address, bounded in size and time, and follows nothing.
import type { Dispatcher } from 'undici'
import type { AddressSet } from '../ground/addresses.ts'
import { type Origin, originMatches, parseOrigin } from '../ground/origin.ts'
import { Problem, problemsOf } from '../ground/problem.ts'
import { createConnector } from './connect.ts'
import type { Resolver } from './resolve.ts'
import { Client } from './undici.ts'

export const outboundProblems = {
  outbound_origin_refused: {
    status: 502,
    title: 'The gateway was to call a place that is not pinned for this purpose',
  },
  outbound_failed: { status: 502, title: 'A call of the gateway itself failed' },
  outbound_timeout: { status: 504, title: 'A call of the gateway itself took too long' },
  outbound_too_large: { status: 502, title: 'The answer to a call of the gateway itself was too large' },
} as const

const problem = problemsOf(outboundProblems)

/** What the gateway calls for. Each kind has its own bounds. */
export type OutboundKind = 'token' | 'keys' | 'metadata' | 'webhook' | 'push' | 'messenger' | 'feed'

interface Bounds {
  readonly maxBytes: number
  readonly totalMs: number
}

const bounds: Readonly<Record<OutboundKind, Bounds>> = {
  token: { maxBytes: 64 * 1024, totalMs: 15_000 },
  keys: { maxBytes: 256 * 1024, totalMs: 10_000 },
  metadata: { maxBytes: 256 * 1024, totalMs: 10_000 },
  webhook: { maxBytes: 16 * 1024, totalMs: 10_000 },
  push: { maxBytes: 16 * 1024, totalMs: 10_000 },
  messenger: { maxBytes: 256 * 1024, totalMs: 70_000 },
  feed: { maxBytes: 16 * 1024 * 1024, totalMs: 60_000 },
}

export interface OutboundRequest {
  readonly kind: OutboundKind
  readonly url: string
  /** Where calls for this purpose may go; the URL's origin must be one of them. A wildcard is one label. */
  readonly pinned: readonly Origin[]
  /** Addresses opened beside the public ones, by the operator. */
  readonly allowed?: AddressSet | undefined
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  readonly signal?: AbortSignal
  /** The answer is the status and its headers: whatever body follows is not read, and the connection ends. */
  readonly statusOnly?: boolean
}

export interface OutboundAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/**
 * Makes one call. A redirect is an answer like any other; nothing is decompressed. Rejects with Problem
 * `outbound_origin_refused`, `address_refused`, `upstream_dns_failed`, `outbound_failed`, `outbound_timeout` or
 * `outbound_too_large`.
 */
export type Outbound = (request: OutboundRequest) => Promise<OutboundAnswer>

export interface OutboundOptions {
  readonly resolver: Resolver
  readonly ca?: readonly string[]
  readonly onDial?: (address: string, port: number) => void
  /** For tests: bounds other than a kind's own. */
  readonly bounds?: Partial<Bounds>
}

export function createOutbound(options: OutboundOptions): Outbound {
  return async (request) => {
    const { origin, target } = placeOf(request)
    const address = await options.resolver.address(origin.host, request.allowed)
    const limits = { ...bounds[request.kind], ...options.bounds }
    const client = new Client(origin.href, {
      connect: createConnector({
        address,
        host: origin.host,
        port: origin.port,
        secure: origin.scheme === 'https',
        timeoutMs: Math.min(5_000, limits.totalMs),
        ca: options.ca,
        onDial: options.onDial,
      }),
      allowH2: false,
      pipelining: 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 32 * 1024,
    })
    try {
      return await answered(client, request, target, limits)
    } finally {
      client.destroy().catch(() => undefined)
    }
  }
}

function placeOf({ url, pinned, allowed }: OutboundRequest): { origin: Origin; target: string } {
  const match = /^(https?:\/\/[^/?#]+)([/?][\x21\x22\x24-\x5b\x5d-\x7e]*)?$/i.exec(url)
  if (match === null) throw problem('outbound_origin_refused', { detail: 'The URL is not plain.' })
  let origin: Origin
  try {
    origin = parseOrigin(match[1] as string, { anyPort: allowed !== undefined })
  } catch (cause) {
    throw problem('outbound_origin_refused', { cause })
  }
  if (!pinned.some((one) => originMatches(one, origin.host, origin.port, origin.scheme))) {
    throw problem('outbound_origin_refused', { facts: { origin: origin.href } })
  }
  const rest = match[2] ?? '/'
  return { origin, target: rest.startsWith('/') ? rest : `/${rest}` }
}

function answered(
  client: Client,
  { method = 'GET', headers = {}, body, signal, statusOnly = false }: OutboundRequest,
  path: string,
  { maxBytes, totalMs }: Bounds,
): Promise<OutboundAnswer> {
  return new Promise((resolve, reject) => {
    const stop = (reason: Error) => {
      settle()
      reject(reason)
      client.destroy(reason).catch(() => undefined)
    }
    const timer = setTimeout(() => stop(problem('outbound_timeout')), totalMs)
    const onAbort = () => stop(problem('outbound_failed', { detail: 'The call was called off.' }))
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    signal?.addEventListener('abort', onAbort)
    const handler = collector({ maxBytes, statusOnly }, stop, (answer) => {
      settle()
      resolve(answer)
    })
    if (signal?.aborted === true) onAbort()
    else
      client.dispatch(
        { method, path, headers: { 'accept-encoding': 'identity', ...headers }, body: body ?? null },
        handler,
      )
  })
}

function collector(
  { maxBytes, statusOnly }: { readonly maxBytes: number; readonly statusOnly: boolean },
  stop: (reason: Error) => void,
  done: (answer: OutboundAnswer) => void,
): Dispatcher.DispatchHandler {
  const chunks: Buffer[] = []
  let length = 0
  let status = 0
  let headers: OutboundAnswer['headers'] = {}
  return {
    onRequestStart: () => undefined,
    onResponseStart(_, code, parsed) {
      status = code
      headers = parsed
      if (statusOnly && code >= 200) done({ status, headers, body: Buffer.alloc(0) })
    },
    onResponseData(_, chunk) {
      length += chunk.length
      if (length > maxBytes) stop(problem('outbound_too_large'))
      else chunks.push(chunk)
    },
    onResponseEnd: () => done({ status, headers, body: Buffer.concat(chunks) }),
    onResponseError: (_, error) =>
      stop(error instanceof Problem ? error : problem('outbound_failed', { cause: error })),
  }
}
