import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { noOpenssl } from '../../test/instruments/certificates.ts'
import { CertificateThread } from './certificate-thread.ts'
import { type Authority, authorityCertificate, pemOf, serverCertificate } from './certificates.ts'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spkiOf = ({ publicKey }: ReturnType<typeof pair>) => publicKey.export({ format: 'der', type: 'spki' })

function authority(): Authority {
  const keys = pair()
  return {
    name: 'Claviger local authority',
    spki: spkiOf(keys),
    sign: async (data) => sign('sha256', data, keys.privateKey),
  }
}

const now = Date.now()
const life = { from: now - 3_600_000, until: now + 86_400_000 }

describe('certificates of the local authority', { skip: noOpenssl() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-certificates-'))
  after(() => rmSync(folder, { recursive: true }))

  /** What OpenSSL says of a server at `host`, to somebody who trusts the authority for `hosts`. */
  async function verdict(hosts: readonly string[], host: string): Promise<boolean> {
    const own = authority()
    const [ca, leaf] = [join(folder, 'ca.pem'), join(folder, 'leaf.pem')]
    writeFileSync(ca, pemOf(await authorityCertificate(own, hosts, life)))
    writeFileSync(leaf, pemOf(await serverCertificate(own, host, spkiOf(pair()), life)))
    const bare = host.replace(/^\[(.*)\]$/, '$1')
    const named = /^[\d.]+$|:/.test(bare) ? ['-verify_ip', bare] : ['-verify_hostname', bare]
    try {
      execFileSync('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, ...named, leaf], {
        stdio: 'pipe',
      })
      return true
    } catch {
      return false
    }
  }

  const cases: readonly (readonly [hosts: readonly string[], host: string, good: boolean])[] = [
    [['api.example.com'], 'api.example.com', true],
    [['api.example.com'], 'example.com', false],
    [['api.example.com'], 'other.test', false],
    [['api.example.com'], '127.0.0.1', false],
    [['*.example.com'], 'a.example.com', true],
    [['*.example.com'], 'aexample.com', false],
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['127.0.0.1'], 'localhost', false],
    [['127.0.0.1'], '[::1]', false],
    [['[::1]'], '[::1]', true],
    [['[::1]'], '[::2]', false],
    [['api.example.com', '127.0.0.1'], '127.0.0.1', true],
    [[], 'api.example.com', false],
    [[], '127.0.0.1', false],
    [['xn--bcher-kva.example'], 'xn--bcher-kva.example', true],
    [[`${'a'.repeat(60)}.${'b'.repeat(60)}.example`], `${'a'.repeat(60)}.${'b'.repeat(60)}.example`, true],
  ]
  for (const [hosts, host, good] of cases) {
    test(`${good ? 'hold' : 'do not hold'} for ${host}, trusted for ${hosts.join(' and ') || 'nothing'}`, async () => {
      assert.equal(await verdict(hosts, host), good)
    })
  }

  test('say that they are for no other authority, for a day, and each has a number of its own', async () => {
    const own = authority()
    const ca = new X509Certificate(await authorityCertificate(own, ['a.example'], life))
    const leaf = new X509Certificate(await serverCertificate(own, 'a.example', spkiOf(pair()), life))
    assert.ok(ca.ca && !leaf.ca)
    assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
    assert.deepEqual([...(leaf.keyUsage ?? [])], ['1.3.6.1.5.5.7.3.1'])
    assert.notEqual(
      leaf.serialNumber,
      new X509Certificate(await serverCertificate(own, 'a.example', spkiOf(pair()), life)).serialNumber,
    )
  })
})

describe('the thread that makes them', () => {
  const made = () => {
    const keys = pair()
    return new CertificateThread({ name: 'Claviger local authority', spki: spkiOf(keys), key: keys.privateKey })
  }

  test('makes many at once, of the authority that it was given', async () => {
    const thread = made()
    const ca = new X509Certificate(await thread.authority(['a.example'], life))
    const hosts = Array.from({ length: 20 }, (_, n) => `h${n}.a.example`)
    const leaves = await Promise.all(hosts.map((host) => thread.server(host, spkiOf(pair()), life)))
    leaves.forEach((pem, n) => {
      const leaf = new X509Certificate(pem)
      assert.equal(leaf.subjectAltName, `DNS:${hosts[n]}`)
      assert.ok(leaf.verify(ca.publicKey))
    })
    thread.close()
  })

  test('makes nothing any more for an authority that is put away', async () => {
    const thread = made()
    const pending = thread.server('a.example', spkiOf(pair()), life)
    thread.close()
    await assert.rejects(pending, { code: 'authority_changed' })
  })
})
