import type { Http2Stream } from 'node:http2'

/**
 * Whether what a stream carried was ended by a reset. node:http2 takes RST_STREAM with NO_ERROR for an end, which it is only
 * after the end (RFC 9113 §8.1): a body that was cut would look whole. To be called before anything is read.
 */
export function cutShort(stream: Http2Stream): () => boolean {
  let cut: boolean | undefined
  const push = stream.push
  stream.push = (chunk, encoding) => {
    // Where the end truly came, the stream is closed after it; its close may then say the end once more.
    if (chunk === null) cut ??= stream.closed
    return push.call(stream, chunk, encoding)
  }
  return () => cut === true
}
