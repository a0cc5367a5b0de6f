// What docs/guides/clawauth.md tells its readers to run, run.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Gateway, repository } from './instruments/gateway.ts'

const guide = readFileSync(join(repository, 'docs', 'guides', 'clawauth.md'), 'utf8')
/** The code blocks of that language that hold a text. */
const block = (language: string, text: string): string => {
  const blocks = [...guide.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
    ([, code]) => code ?? '',
  )
  return blocks.find((code) => code.includes(text)) ?? assert.fail(`no block with ${text}`)
}
const missing = ['bash', 'curl', 'jq', 'openssl', 'sha256sum'].filter(
  (program) => spawnSync(program, ['--version']).error !== undefined,
)
const skip = missing.length > 0 ? `${missing.join(', ')} not installed` : false

test('the guide for ClawAuth users goes from nothing to a token with OpenSSL', { skip }, async () => {
  await using gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  const folder = mkdtempSync(join(tmpdir(), 'claviger-guide-'))
  const script = block('sh', 'clawauth-register').replace('http://127.0.0.1:4317', gateway.url)
  const env = { ...process.env, CLAVIGER_OPERATOR_TOKEN: gateway.operatorToken }
  const { stdout, stderr, status } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env })
  rmSync(folder, { recursive: true })
  assert.equal(status, 0, String(stderr))
  const tokens = JSON.parse(String(stdout)) as Record<string, unknown>
  assert.deepEqual(Object.keys(tokens), ['accessToken', 'refreshToken', 'expiresIn'])
})

test('the receiver in the guide for ClawAuth users tells genuine deliveries apart', async () => {
  const code = `${block('js', 'timingSafeEqual')}\nexport { genuine }`
  const { genuine } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    genuine: (headers: Record<string, string>, body: string, secret: string, seen: Set<string>) => boolean
  }
  const body = JSON.stringify({ id: 'evt_1', event: 'token.revoked' })
  const now = Math.floor(Date.now() / 1_000)
  const v1 = (secret: string, at = now) => `v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`
  const says = (signature: string, id = 'evt_1', text = body) =>
    genuine({ 'x-clawauth-signature': signature, 'x-clawauth-delivery': id }, text, 'whsec_mine', new Set())
  assert.equal(says(`t=${now},${v1('whsec_mine')}`), true)
  assert.equal(says(`t=${now},${v1('whsec_next')},${v1('whsec_mine')}`), true)
  assert.equal(says(`t=${now},${v1('whsec_other')}`), false)
  assert.equal(says(`t=${now - 301},${v1('whsec_mine', now - 301)}`), false)
  assert.equal(says(`t=${now},${v1('whsec_mine')}`, 'evt_2'), false)
  assert.equal(says(`t=${now},${v1('whsec_mine')}`, 'evt_1', body.replace('revoked', 'kept')), false)
  assert.equal(says(''), false)
  const seen = new Set<string>()
  const headers = { 'x-clawauth-signature': `t=${now},${v1('whsec_mine')}`, 'x-clawauth-delivery': 'evt_1' }
  const twice = () => genuine(headers, body, 'whsec_mine', seen)
  assert.deepEqual([twice(), twice()], [true, false])
})
