import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Authority, type Issued, noOpenssl, openssl } from '../test/instruments/certificates.ts'
import { until } from '../test/instruments/wait.ts'
import { examineTls } from './cli/examine-tls.ts'
import { SetClock, systemClock } from './ground/clock.ts'
import { createLog } from './ground/log.ts'
import { namesMissing, stapleAt } from './http/tls-material.ts'
import { loadSettings } from './settings.ts'
import { openTlsFiles, readStaple, readTlsPair, type TlsFiles, type TlsPaths } from './tls-files.ts'

const skip = noOpenssl()
const DAY_MS = 86_400_000

describe('TLS files', { skip }, () => {
  const root = mkdtempSync(join(tmpdir(), 'claviger-tls-'))
  let authority: Authority
  let one: Issued
  let two: Issued
  before(() => {
    authority = new Authority()
    one = authority.issue()
    two = authority.issue()
  })
  after(() => {
    authority?.[Symbol.dispose]()
    rmSync(root, { recursive: true })
  })

  let folders = 0
  /** A folder of its own with `issued` in it. */
  function placed(issued: Issued, ocsp?: string): TlsPaths & { readonly folder: string } {
    const folder = join(root, `${folders++}`)
    mkdirSync(folder)
    const paths = {
      folder,
      cert: join(folder, 'cert.pem'),
      key: join(folder, 'key.pem'),
      ocsp: ocsp && join(folder, 'ocsp'),
    }
    copyFileSync(issued.cert, paths.cert)
    copyFileSync(issued.key, paths.key)
    if (ocsp !== undefined && paths.ocsp) copyFileSync(ocsp, paths.ocsp)
    return { ...paths, ocsp: paths.ocsp }
  }

  const bad: readonly (readonly [name: string, spoil: (paths: TlsPaths & { folder: string }) => void, code: string])[] =
    [
      ['a key that the group may read', ({ key }) => chmodSync(key, 0o640), 'tls_key_unsafe'],
      ['a key that anybody may read', ({ key }) => chmodSync(key, 0o604), 'tls_key_unsafe'],
      ['a key that can be run', ({ key }) => chmodSync(key, 0o700), 'tls_key_unsafe'],
      ['the key of another certificate', ({ key }) => copyFileSync(two.key, key), 'tls_files_invalid'],
      ['no key', ({ key }) => rmSync(key), 'tls_files_invalid'],
      [
        'a folder for a key',
        ({ key }) => {
          rmSync(key)
          mkdirSync(key)
        },
        'tls_files_invalid',
      ],
      [
        'a pipe for a key',
        ({ key }) => {
          rmSync(key)
          execFileSync('mkfifo', [key])
        },
        'tls_files_invalid',
      ],
      [
        'a key with a passphrase',
        ({ key }) => openssl(['pkcs8', '-topk8', '-in', one.key, '-out', key, '-passout', 'pass:x']),
        'tls_files_invalid',
      ],
      ['a key that is none', ({ key }) => writeFileSync(key, 'canary-of-a-key'), 'tls_files_invalid'],
      ['an endless key', ({ key }) => writeFileSync(key, Buffer.alloc(300_000)), 'tls_files_invalid'],
      ['no certificate', ({ cert }) => rmSync(cert), 'tls_files_invalid'],
      [
        'a certificate that is none',
        ({ cert }) => writeFileSync(cert, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
        'tls_files_invalid',
      ],
      ['the key in place of the certificate', ({ cert }) => copyFileSync(one.key, cert), 'tls_files_invalid'],
      [
        'a chain that is broken off',
        ({ cert }) => writeFileSync(cert, `${authority.pem.slice(0, 300)}`),
        'tls_files_invalid',
      ],
    ]
  for (const [name, spoil, code] of bad) {
    test(`refuses ${name}`, () => {
      const paths = placed(one)
      spoil(paths)
      assert.throws(
        () => readTlsPair(paths),
        (error: Error & { code: string }) => error.code === code && !error.message.includes('canary-of-a-key'),
      )
    })
  }

  test('refuses the key of another user', { skip: process.getuid?.() === 0 ? undefined : 'needs root' }, () => {
    const paths = placed(one)
    chownSync(paths.key, 65_534, 65_534)
    assert.throws(() => readTlsPair(paths), { code: 'tls_key_unsafe' })
  })

  test('takes a chain, an RSA key, a key that only its owner may read, and links to both', () => {
    const paths = placed(authority.issue({ kind: 'rsa' }))
    chmodSync(paths.key, 0o400)
    const [cert, key] = [join(paths.folder, 'cert-link'), join(paths.folder, 'key-link')]
    symlinkSync(paths.cert, cert)
    symlinkSync(paths.key, key)
    assert.equal(readTlsPair({ cert, key, ocsp: undefined }).certificate.subject, 'CN=gate.test')
  })

  test('staples a response that says good about this very certificate, until it is over', () => {
    const paths = placed(one, authority.ocsp(one))
    const material = readStaple(readTlsPair(paths), paths)
    const until = material.staple?.answer.until as number
    assert.ok(stapleAt(material, until - 1)?.length)
    assert.equal(stapleAt(material, until), undefined)
    for (const other of [authority.ocsp(two), authority.ocsp(one, 'revoked'), one.cert]) {
      const wrong = placed(one, other)
      assert.throws(() => readStaple(readTlsPair(wrong), wrong), { code: 'tls_files_invalid' })
    }
  })

  test('knows for which names a certificate is valid', () => {
    const material = readTlsPair(placed(authority.issue({ names: 'DNS:*.gate.test,IP:127.0.0.1,IP:fd00::1' })))
    const names = ['a.gate.test', 'gate.test', 'a.b.gate.test', '127.0.0.1', '127.0.0.2', '[fd00::1]', 'fd00::2']
    assert.deepEqual(namesMissing(material, names), ['gate.test', 'a.b.gate.test', '127.0.0.2', 'fd00::2'])
  })

  describe('while the gateway runs', () => {
    const opened: TlsFiles[] = []
    after(() => {
      for (const files of opened) files.close()
    })

    function watched(paths: TlsPaths, clock = systemClock) {
      const lines: string[] = []
      const log = createLog('info', false, { write: (line) => void lines.push(line) })
      const files = openTlsFiles(paths, clock, log, 5)
      opened.push(files)
      const said = async (text: string) => {
        await until(() => lines.some((line) => line.includes(text)))
        lines.length = 0
      }
      let changes = 0
      files.follow(() => changes++)
      return { files, said, lines, changes: () => changes }
    }

    const serves = (files: TlsFiles, issued: Issued) =>
      assert.ok(files.context().cert.equals(execFileSync('cat', [issued.cert])))

    test('takes a new pair, whether files or the link to their folder are replaced', async () => {
      const paths = placed(one)
      const { files, said, changes } = watched(paths)
      copyFileSync(two.key, paths.key)
      copyFileSync(two.cert, paths.cert)
      await said('was read again')
      serves(files, two)
      const link = join(root, 'current')
      symlinkSync(placed(one).folder, link)
      const linked = watched({ cert: join(link, 'cert.pem'), key: join(link, 'key.pem'), ocsp: undefined })
      symlinkSync(placed(two).folder, `${link}.new`)
      renameSync(`${link}.new`, link)
      await linked.said('was read again')
      serves(linked.files, two)
      assert.deepEqual([changes(), linked.changes()], [1, 1])
    })

    test('keeps the old pair while the new one is bad, and says so', async () => {
      const paths = placed(one)
      const { files, said, changes } = watched(paths)
      copyFileSync(two.cert, paths.cert)
      await said('the old pair is kept')
      serves(files, one)
      rmSync(paths.key)
      await said('the old pair is kept')
      copyFileSync(two.key, paths.key)
      chmodSync(paths.key, 0o644)
      await said('tls_key_unsafe')
      serves(files, one)
      assert.equal(changes(), 0)
      chmodSync(paths.key, 0o600)
      await said('was read again')
      serves(files, two)
    })

    test('does not put a certificate that is over in the place of one that is not', async () => {
      const paths = placed(one)
      const { files, said } = watched(paths)
      const over = authority.issue({ days: 0 })
      copyFileSync(over.key, paths.key)
      copyFileSync(over.cert, paths.cert)
      await said('is over already')
      serves(files, one)
    })

    test('follows the OCSP response, and keeps the good one it has', async () => {
      const good = authority.ocsp(one)
      const paths = placed(one, authority.ocsp(two))
      const { files, said } = watched(paths)
      await said('the OCSP response is bad')
      assert.equal(files.staple(), undefined)
      copyFileSync(good, paths.ocsp as string)
      await said('was read again')
      assert.ok(files.staple())
      writeFileSync(paths.ocsp as string, 'half a respon')
      await said('the OCSP response is bad')
      assert.ok(files.staple())
      // Of another certificate it is nobody's any more.
      copyFileSync(two.key, paths.key)
      copyFileSync(two.cert, paths.cert)
      await said('was read again')
      assert.equal(files.staple(), undefined)
    })

    test('says every day that the certificate is near its end, and then that it is over', async () => {
      const clock = new SetClock(Date.now())
      const { said, lines } = watched(placed(authority.issue({ days: 3 })), clock)
      await said('near its end')
      clock.advance(DAY_MS)
      await said('near its end')
      clock.advance(2 * DAY_MS + 60_000)
      await said('the TLS certificate is over')
      assert.equal(lines.length, 0)
    })
  })

  describe('claviger doctor', () => {
    const states = (env: Record<string, string>, now?: number) =>
      examineTls(loadSettings({ env: { CLAVIGER_HOME: join(root, 'home'), ...env } }), now).map(
        ({ state, says }) => `${state} ${says.replace(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/, 'DAY')}`,
      )
    const env = ({ cert, key, ocsp }: TlsPaths) => ({
      CLAVIGER_TLS_CERT: cert,
      CLAVIGER_TLS_KEY: key,
      ...(ocsp !== undefined && { CLAVIGER_TLS_OCSP: ocsp }),
    })

    test('says until when the certificate is valid', () => {
      const files = env(placed(authority.issue({ days: 20 })))
      assert.deepEqual(states(files), ['ok certificate valid until DAY'])
      assert.deepEqual(states(files, Date.now() + 10 * DAY_MS), [
        'note the certificate is valid until DAY, 9 more days',
      ])
      assert.deepEqual(states(files, Date.now() + 21 * DAY_MS), [
        'bad the certificate was valid until DAY: clients refuse it',
      ])
      assert.deepEqual(states(files, Date.now() - DAY_MS), ['bad the certificate is not valid yet'])
    })

    test('says for which names it is not valid', () => {
      const files = env(placed(authority.issue({ days: 20 })))
      const ok = { CLAVIGER_PUBLIC_URL: 'https://gate.test:8443', CLAVIGER_ALLOWED_HOSTS: 'localhost:4317,127.0.0.1' }
      assert.deepEqual(states({ ...files, ...ok }), ['ok certificate valid until DAY'])
      const more = { CLAVIGER_PUBLIC_URL: 'https://other.test', CLAVIGER_ALLOWED_HOSTS: 'third.test:4317,other.test' }
      assert.deepEqual(states({ ...files, ...more, CLAVIGER_HOST: '10.1.2.3' }), [
        'ok certificate valid until DAY',
        'bad the certificate is not valid for other.test, third.test, 10.1.2.3',
      ])
    })

    test('says what is wrong with key and response', () => {
      const issued = authority.issue({ days: 20 })
      const stapled = placed(issued, authority.ocsp(issued))
      assert.deepEqual(states(env(stapled)), ['ok certificate valid until DAY', 'ok an OCSP response is stapled'])
      assert.deepEqual(states(env(stapled), Date.now() + 2 * DAY_MS), [
        'ok certificate valid until DAY',
        'note the OCSP response was valid until DAY: none is stapled',
      ])
      chmodSync(stapled.key, 0o640)
      assert.deepEqual(states(env(stapled)), [`bad ${stapled.key} has mode 0640, and 0600 is wanted.`])
    })

    test('says what is missing where there is no TLS', () => {
      assert.deepEqual(states({}), [])
      assert.equal(states({ CLAVIGER_HOST: '0.0.0.0', CLAVIGER_UNSAFE_PLAIN_LISTEN: 'on' }).length, 1)
      assert.equal(states({ CLAVIGER_PUBLIC_URL: 'https://gate.test' }).length, 1)
      assert.deepEqual(states({ CLAVIGER_PUBLIC_URL: 'https://gate.test', CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' }), [])
    })
  })
})
