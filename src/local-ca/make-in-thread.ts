// A thread that makes certificates of the authority that it was started with: ASN.1 takes half a millisecond for each, and
// its library ten to load. Run by certificate-thread.ts.
import { type KeyObject, sign } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { Made, Wanted } from './certificate-thread.ts'
import { type Authority, authorityCertificate, pemOf, serverCertificate } from './certificates.ts'

const { name, spki, key } = workerData as { name: string; spki: Uint8Array; key: KeyObject }
const authority: Authority = { name, spki, sign: async (data) => sign('sha256', data, key) }

parentPort?.on('message', (wanted: Wanted) => {
  const made =
    wanted.kind === 'server'
      ? serverCertificate(authority, wanted.host, wanted.spki, wanted.life)
      : authorityCertificate(authority, wanted.hosts, wanted.life)
  made.then(
    (der) => parentPort?.postMessage({ id: wanted.id, pem: pemOf(der) } satisfies Made),
    (error) => parentPort?.postMessage({ id: wanted.id, error: String(error) } satisfies Made),
  )
})
