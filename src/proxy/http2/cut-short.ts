import type { Http2Stream } from 'node:http2'

/**
 * Whether what a stream carried was ended by a reset. node:http2 takes RST_STREAM with NO_ERROR for an end, which it is only
 * after the end (RFC 9113 §8.1): a body that was cut would look whole. To be called before anything is read.
 */
export function cutShort(stream: Http2Stream): () => boolean {
  let cut = false
  const push = stream.push
  stream.push = (chunk, encoding) => {
    // After the true end of the stream it is closed later than it ends.
    if (chunk === null && stream.closed) cut = true
    return push.call(stream, chunk, encoding)
  }
  return () => cut
}
