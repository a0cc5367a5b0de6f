// The certificate, its key and the response to staple, as files that change while the gateway runs. Its invariant: what
// is served is a pair that fits; a new one that does not is logged, and the old one stays.
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import type { Clock } from './ground/clock.ts'
import type { Log } from './ground/log.ts'
import type { TlsSource } from './http/secure-server.ts'
import { stapleAt, type TlsMaterial, tlsMaterial, tlsProblem, withStaple } from './http/tls-material.ts'
import type { Settings } from './settings.ts'

export interface TlsPaths {
  readonly cert: string
  readonly key: string
  readonly ocsp: string | undefined
}

export interface TlsFiles extends TlsSource {
  context(): TlsMaterial['context']
  close(): void
}

const MAX_BYTES = 256 * 1024
const LOOK_EVERY_MS = 2_000
const DAY_MS = 86_400_000
/** From here on a certificate is near its end. */
export const NEAR_END_MS = 14 * DAY_MS

/** Where the files are; undefined where no TLS is set. */
export function tlsPaths({ tlsCert, tlsKey, tlsOcsp }: Settings): TlsPaths | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : { cert: tlsCert, key: tlsKey, ocsp: tlsOcsp }
}

/**
 * Reads and checks the pair. The key must be this user's, with no right for anybody else; a link to it is followed, as
 * tools that renew certificates leave one. Throws Problem `tls_files_invalid`, `tls_key_unsafe`.
 */
export function readTlsPair({ cert, key }: TlsPaths): TlsMaterial {
  return tlsMaterial(readSmall(cert), readSmall(key, true))
}

/** The pair with the OCSP response. Throws Problem `tls_files_invalid` where that is not for this certificate. */
export function readStaple(pair: TlsMaterial, { ocsp }: TlsPaths): TlsMaterial {
  return ocsp === undefined ? pair : withStaple(pair, readSmall(ocsp))
}

/** Opens the files, and looks every two seconds whether they changed. Throws as readTlsPair() does when the pair is bad. */
export function openTlsFiles(paths: TlsPaths, clock: Clock, log: Log, everyMs = LOOK_EVERY_MS): TlsFiles {
  const followers = new Set<() => void>()
  let stamp = stampOf(paths)
  let seen = stamp
  let noticedAt = clock.now()
  let material = stapled(readTlsPair(paths), paths, log)
  notice(material, clock, log)
  const look = () => {
    const now = stampOf(paths)
    // What is still being written is left alone until it stands for a while.
    if (now !== stamp && now === seen) {
      stamp = now
      const fresh = renewed(paths, material, clock, log)
      if (fresh !== undefined) {
        material = fresh
        for (const follower of followers) follower()
        log.info({ file: paths.cert, to: fresh.certificate.validTo }, 'the TLS certificate was read again')
      }
    }
    seen = now
    if (clock.now() - noticedAt < DAY_MS) return
    noticedAt = clock.now()
    notice(material, clock, log)
  }
  const timer = setInterval(look, everyMs)
  timer.unref()
  return {
    context: () => material.context,
    staple: () => stapleAt(material, clock.now()),
    follow: (listener) => {
      followers.add(listener)
      return () => followers.delete(listener)
    },
    close: () => clearInterval(timer),
  }
}

/** What the files hold now; undefined for a pair that must not take the place of a good one. */
function renewed(paths: TlsPaths, before: TlsMaterial, clock: Clock, log: Log): TlsMaterial | undefined {
  try {
    const pair = readTlsPair(paths)
    if (pair.certificate.validToDate.getTime() <= clock.now())
      throw tlsProblem('tls_files_invalid', { detail: 'Refused: the new certificate is over already.' })
    const same = pair.certificate.fingerprint256 === before.certificate.fingerprint256
    return stapled({ ...pair, staple: same ? before.staple : undefined }, paths, log)
  } catch (error) {
    log.error({ err: error as Error, file: paths.cert }, 'the new TLS certificate or key is bad: the old pair is kept')
    return undefined
  }
}

/** A response that cannot be used costs nobody the certificate, nor the response that was there before it. */
function stapled(pair: TlsMaterial, paths: TlsPaths, log: Log): TlsMaterial {
  try {
    return readStaple(pair, paths)
  } catch (error) {
    log.error({ err: error as Error, file: paths.ocsp }, 'the OCSP response is bad, and is not stapled')
    return pair
  }
}

function notice({ certificate, staple }: TlsMaterial, clock: Clock, log: Log): void {
  const leftMs = certificate.validToDate.getTime() - clock.now()
  const to = certificate.validTo
  if (leftMs <= 0) log.error({ to }, 'the TLS certificate is over: clients refuse it')
  else if (leftMs < NEAR_END_MS) log.warn({ to }, 'the TLS certificate is near its end')
  const until = staple?.answer.until
  if (until !== undefined && until <= clock.now()) log.error({}, 'the OCSP response is over: none is stapled')
}

/** Follows links, so that the swap of a link counts as well. A file that is gone has a stamp of its own. */
function stampOf({ cert, key, ocsp }: TlsPaths): string {
  return [cert, key, ocsp].map((path) => (path === undefined ? '' : stampOfFile(path))).join('|')
}

function stampOfFile(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

function readSmall(path: string, mustBeOurs = false): Buffer {
  const fd = openOrRefuse(path)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > MAX_BYTES) throw unreadable(path, 'is not a plain file of at most 256 KiB')
    if (mustBeOurs && stat.uid !== process.geteuid?.()) throw unsafe(path, `belongs to user ${stat.uid}`)
    if (mustBeOurs && (stat.mode & 0o177) !== 0)
      throw unsafe(path, `has mode 0${(stat.mode & 0o777).toString(8)}, and 0600 is wanted`)
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

function openOrRefuse(path: string): number {
  try {
    // Not blocking: opening a pipe would wait for its writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw unreadable(path, `cannot be opened (${(error as NodeJS.ErrnoException).code})`)
  }
}

function unreadable(path: string, why: string) {
  return tlsProblem('tls_files_invalid', { detail: `${path} ${why}.` })
}

function unsafe(path: string, why: string) {
  return tlsProblem('tls_key_unsafe', { detail: `${path} ${why}.` })
}
