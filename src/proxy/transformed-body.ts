import { type Readable, Transform } from 'node:stream'
import type { BodyTransform } from './transform.ts'

/**
 * The body of a request on its way through a transform. When the source breaks off, so does the result; when the result
 * is destroyed, the source is left alone, because the caller still has to be answered on its connection.
 */
export function transformedBody(source: Readable, transform: BodyTransform): Readable {
  const out = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      settle(() => transform.push(chunk, (piece) => void out.push(piece)), done)
    },
    flush(done) {
      settle(() => transform.flush((piece) => void out.push(piece)), done)
    },
    destroy(error, done) {
      transform.destroy?.()
      done(error)
    },
  })
  source.on('error', (error) => out.destroy(error))
  source.on('close', () => {
    if (!source.readableEnded) out.destroy(new Error('the body broke off'))
  })
  return source.pipe(out)
}

function settle(work: () => void | Promise<void>, done: (error?: Error) => void): void {
  try {
    const wait = work()
    if (wait === undefined) done()
    else wait.then(() => done(), done)
  } catch (error) {
    done(error as Error)
  }
}

/** A whole body through a transform. */
export async function transformedWhole(body: Buffer, transform: BodyTransform): Promise<Buffer> {
  const pieces: Buffer[] = []
  const emit = (piece: Buffer) => void pieces.push(piece)
  try {
    if (body.length > 0) await transform.push(body, emit)
    await transform.flush(emit)
  } finally {
    transform.destroy?.()
  }
  return Buffer.concat(pieces)
}
