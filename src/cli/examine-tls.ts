// What `claviger doctor` looks at of certificate, key and proxies.
import { namesMissing, type TlsMaterial } from '../http/tls-material.ts'
import { isLoopback, type Settings } from '../settings.ts'
import { NEAR_END_MS, readStaple, readTlsPair, type TlsPaths, tlsPaths } from '../tls-files.ts'
import { type Finding, fromProblem } from './finding.ts'

const DAY_MS = 86_400_000
const about = 'tls'

/** Findings about how requests come in; none where nothing is set and only this machine is served. */
export function examineTls(settings: Settings, now = Date.now()): Finding[] {
  const paths = tlsPaths(settings)
  if (paths === undefined) return withoutTls(settings)
  let pair: TlsMaterial
  try {
    pair = readTlsPair(paths)
  } catch (error) {
    return [fromProblem(about, error)]
  }
  return [ends(pair, now), ...names(pair, settings), ...staple(pair, paths, now)]
}

function withoutTls({ host, publicUrl, trustedProxies }: Settings): Finding[] {
  if (!isLoopback(host)) {
    const says = `${host} is served in plain: tokens cross the network in clear`
    return [{ state: 'note', about, says, hint: 'Set CLAVIGER_TLS_CERT and CLAVIGER_TLS_KEY; see docs/guides/tls.md.' }]
  }
  if (publicUrl === undefined || trustedProxies.length > 0) return []
  return [
    {
      state: 'note',
      about,
      says: `${publicUrl} is the public address, and no proxy is trusted: every client looks like one of this machine`,
      hint: 'Name the proxy in front in CLAVIGER_TRUSTED_PROXIES; see docs/guides/tls.md.',
    },
  ]
}

function ends({ certificate }: TlsMaterial, now: number): Finding {
  const leftMs = certificate.validToDate.getTime() - now
  const until = `valid until ${certificate.validToDate.toISOString().slice(0, 10)}`
  if (certificate.validFromDate.getTime() > now)
    return { state: 'bad', about, says: 'the certificate is not valid yet' }
  if (leftMs <= 0) return { state: 'bad', about, says: `the certificate was ${until}: clients refuse it` }
  const days = Math.floor(leftMs / DAY_MS)
  if (leftMs >= NEAR_END_MS) return { state: 'ok', about, says: `certificate ${until}` }
  const hint = 'Put the new certificate in its place: it is read again without a restart.'
  return { state: 'note', about, says: `the certificate is ${until}, ${days} more days`, hint }
}

/** The names by which agents were told to reach us. */
function names(pair: TlsMaterial, { host, publicUrl, allowedHosts }: Settings): Finding[] {
  const named = publicUrl === undefined ? [] : [new URL(publicUrl).hostname]
  const address = isLoopback(host) || host === '0.0.0.0' || host === '::' ? [] : [host]
  const wanted = [...new Set([...named, ...allowedHosts.map((name) => name.replace(/:\d+$/, '')), ...address])]
  const missing = namesMissing(pair, wanted)
  if (missing.length === 0) return []
  const says = `the certificate is not valid for ${missing.join(', ')}`
  return [{ state: 'bad', about, says, hint: `It is for ${pair.certificate.subjectAltName ?? 'no name at all'}.` }]
}

function staple(pair: TlsMaterial, paths: TlsPaths, now: number): Finding[] {
  if (paths.ocsp === undefined) return []
  try {
    const until = readStaple(pair, paths).staple?.answer.until
    if (until === undefined || until > now) return [{ state: 'ok', about, says: 'an OCSP response is stapled' }]
    const says = `the OCSP response was valid until ${new Date(until).toISOString()}: none is stapled`
    return [{ state: 'note', about, says, hint: 'Fetch a new one in time, daily for example; see docs/guides/tls.md.' }]
  } catch (error) {
    return [fromProblem(about, error)]
  }
}
