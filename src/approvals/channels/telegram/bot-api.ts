// The Bot API (core.telegram.org/bots/api) through grammY, which knows its methods and types; every byte goes through the
// gateway's own guarded client.
import type { Api, ApiClientOptions, GrammyError, HttpError } from 'grammy'
import type { AddressSet } from '../../../ground/addresses.ts'
import { escapeControls } from '../../../ground/escape-controls.ts'
import { parseOrigin } from '../../../ground/origin.ts'
import { Problem } from '../../../ground/problem.ts'
import type { Secret } from '../../../ground/secret.ts'
import type { Outbound } from '../../../http/outbound.ts'
import { channelProblem } from '../contract.ts'

/** Where the Bot API is, and which inside address that may be. */
export interface BotApiPlace {
  readonly root: string
  readonly allowed: AddressSet | undefined
}

export interface BotApiOptions {
  readonly outbound: Outbound
  readonly place: BotApiPlace
  /** Opened for each call and wiped after it. */
  readonly token: () => Secret
}

/** Of a call that is no long poll, seconds. */
const TIMEOUT_SECONDS = 10

/** What its methods reject with is made a Problem by asProblem(). Loads grammY, which who has no bot never does. */
export async function botApi({ outbound, place, token }: BotApiOptions): Promise<Api> {
  const { Api } = await import('grammy')
  const pinned = [parseOrigin(place.root, { anyPort: place.allowed !== undefined })]
  const send = async (url: string, init: { body?: unknown; signal?: AbortSignal }) => {
    const stop = new AbortController()
    // grammY's signal is its own class; the guarded client takes Node's.
    const onAbort = () => stop.abort()
    init.signal?.addEventListener('abort', onAbort)
    try {
      const answer = await outbound({
        kind: 'messenger',
        method: 'POST',
        url,
        pinned,
        allowed: place.allowed,
        headers: { 'content-type': 'application/json' },
        body: String(init.body ?? '{}'),
        signal: stop.signal,
      })
      return { json: async (): Promise<unknown> => JSON.parse(answer.body.toString('utf8')) }
    } finally {
      init.signal?.removeEventListener('abort', onAbort)
    }
  }
  const options: ApiClientOptions = {
    apiRoot: place.root,
    timeoutSeconds: 60,
    fetch: send as unknown as NonNullable<ApiClientOptions['fetch']>,
    buildUrl: (root, _, method) => {
      const opened = token()
      const url = `${root}/bot${opened.reveal().toString('latin1')}/${method}`
      opened.wipe()
      return url
    },
  }
  const api = new Api('the token is put in by buildUrl', options)
  api.config.use((call, method, payload, signal) => call(method, payload, signal ?? (within(method) as never)))
  return api
}

function within(method: string): AbortSignal | undefined {
  return method === 'getUpdates' ? undefined : AbortSignal.timeout(TIMEOUT_SECONDS * 1_000)
}

/** What a rejected method means. Telegram's own words are shown where it refused. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (isNamed<GrammyError>(error, 'GrammyError')) {
    const { error_code: status, parameters, description } = error
    const detail = escapeControls(String(description)).slice(0, 200)
    const facts = { status, ...(parameters.retry_after !== undefined && { retryAfterSeconds: parameters.retry_after }) }
    const passing = status === 429 || status === 409 || status >= 500
    return channelProblem(passing ? 'channel_unreachable' : 'channel_refused', { detail, facts })
  }
  const cause = isNamed<HttpError>(error, 'HttpError') ? error.error : error
  if (cause instanceof Problem && cause.code === 'vault_sealed') return cause
  const detail = cause instanceof Problem ? cause.title : 'It answered with something else than JSON.'
  return channelProblem('channel_unreachable', { detail })
}

/** By name: the classes are the library's, which may not be loaded. */
function isNamed<E extends Error>(error: unknown, name: string): error is E {
  return error instanceof Error && error.name === name
}
