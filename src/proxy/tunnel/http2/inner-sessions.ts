// HTTP/2 with the client of a tunnel. Its invariant: what one client may make of streams, heads, resets and frames that mean
// nothing is bounded, and whoever goes beyond is cut (CVE-2023-44487, CVE-2024-27983); nothing but requests is offered.
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Recipient } from '../../recipient.ts'
import type { Tunnel } from '../tunnels.ts'
import { StreamRecipient } from './stream-recipient.ts'
import { headOf, MAX_HEAD_BYTES, StreamRequest } from './stream-request.ts'

export interface InnerEvents {
  readonly request: (request: StreamRequest, recipient: Recipient, tunnel: Tunnel) => void
  /** One that cannot be read: `error` says why. */
  readonly refused: (error: unknown, recipient: Recipient) => void
}

export interface InnerSessions {
  /** `secure`: of the tunnel, its handshake over, and `h2` chosen. */
  take(secure: TLSSocket, tunnel: Tunnel): void
  /** Tells the clients to open no more streams; those that are open may end until `graceMs` are over. */
  close(graceMs: number): void
}

const END_STREAM = 1
const IDLE_MS = 60_000
const MOST_CHATS = 200
const CHATS_PER_SECOND = 5

const options = {
  settings: {
    maxConcurrentStreams: 100,
    maxHeaderListSize: MAX_HEAD_BYTES,
    initialWindowSize: 256 * 1024,
    enableConnectProtocol: false,
  },
  maxHeaderListPairs: 128,
  // What a service says twice it says twice over HTTP/1.1 as well; node:http2 would throw.
  strictSingleValueFields: false,
  // Clients reset what they do not want any more; nobody wants hundreds at once, and then 33 each second.
  streamResetBurst: 200,
  streamResetRate: 33,
  maxSessionInvalidFrames: 16,
  maxSessionRejectedStreams: 16,
  maxOutstandingPings: 4,
}

export function innerSessions(events: InnerEvents): InnerSessions {
  const sessions = new Set<ServerHttp2Session>()
  return {
    take: (secure, tunnel) => {
      // Loaded with the first client that speaks it.
      const { performServerHandshake } = process.getBuiltinModule('node:http2')
      // A tls.Server would say that the handshake is over; without one the session would wait for it for ever.
      Object.assign(secure, { secureConnecting: false })
      const session = performServerHandshake(secure, options)
      sessions.add(session)
      let open = 0
      session.on('stream', (stream, _headers, flags, rawHeaders) => {
        open += 1
        stream.once('close', () => {
          open -= 1
        })
        receive(events, stream, rawHeaders, (flags & END_STREAM) !== 0, secure, tunnel)
      })
      limitChat(session, secure)
      session.setTimeout(IDLE_MS, () => {
        if (open === 0) session.close()
      })
      session.on('error', () => secure.destroy())
      session.on('close', () => {
        sessions.delete(session)
        secure.destroy()
      })
    },
    close: (graceMs) => {
      for (const session of sessions) session.close()
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, graceMs)
      timer.unref()
    },
  }
}

/** Of frames that ask for nothing but an acknowledgement 200 are taken at once, and then 5 each second. */
function limitChat(session: ServerHttp2Session, secure: TLSSocket): void {
  let left = MOST_CHATS
  let since = performance.now()
  const one = () => {
    const now = performance.now()
    left = Math.min(MOST_CHATS, left + ((now - since) / 1_000) * CHATS_PER_SECOND) - 1
    since = now
    if (left < 0) secure.destroy()
  }
  session.on('ping', one).on('remoteSettings', one)
}

function receive(
  events: InnerEvents,
  stream: ServerHttp2Stream,
  rawHeaders: readonly string[],
  ended: boolean,
  secure: TLSSocket,
  tunnel: Tunnel,
): void {
  // Told by its end as well.
  stream.on('error', () => {})
  const recipient = new StreamRecipient(stream, methodOf(rawHeaders))
  try {
    const head = headOf(rawHeaders, ended)
    events.request(new StreamRequest(stream, head, ended, secure), recipient, tunnel)
  } catch (error) {
    events.refused(error, recipient)
  }
}

function methodOf(rawHeaders: readonly string[]): string {
  const at = rawHeaders.indexOf(':method')
  return at === -1 ? '' : (rawHeaders[at + 1] as string)
}
