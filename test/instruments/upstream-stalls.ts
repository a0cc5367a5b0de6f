import type { Behaviour } from './recording-upstream.ts'

/** The ways of THREATS J-01 in which an upstream that took the request fails to answer it. Each is a first path segment;
 * the one mode that never takes the connection is the chaos peer's. */
export const stallModes = [
  'stall-headers',
  'stall-partial-head',
  'stall-half-body',
  'stall-trickle',
  'stall-reset',
  'stall-reset-mid-body',
  'stall-close',
  'stall-truncated',
  'stall-garbage',
  'stall-bad-chunk',
] as const

const raw =
  (bytes: string, then: 'hold' | 'end' | 'reset'): Behaviour =>
  (_request, response) => {
    const socket = response.socket!
    socket.write(bytes, () => {
      if (then === 'end') socket.end()
      if (then === 'reset') socket.resetAndDestroy()
    })
  }

const trickle: Behaviour = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1_000_000 })
  const timer = setInterval(() => response.write('.'), 1_000)
  response.on('close', () => clearInterval(timer))
}

export const stalls: Readonly<Record<(typeof stallModes)[number], Behaviour>> = {
  'stall-headers': () => undefined,
  'stall-partial-head': raw('HTTP/1.1 200 OK\r\ncontent-ty', 'hold'),
  'stall-half-body': raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', 'hold'),
  'stall-trickle': trickle,
  'stall-reset': (_request, response) => void response.socket!.resetAndDestroy(),
  'stall-reset-mid-body': raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', 'reset'),
  'stall-close': (_request, response) => void response.socket!.destroy(),
  'stall-truncated': raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', 'end'),
  'stall-garbage': raw('\x00\x01\x02 this is not HTTP\r\n\r\n', 'hold'),
  'stall-bad-chunk': raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n', 'hold'),
}
