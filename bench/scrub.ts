/**
 * What searching answers for secrets costs, beside `Buffer.indexOf` for the bare secret alone. Run by hand:
 * `node bench/scrub.ts`. Nanoseconds; the best of five rounds.
 */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { secretMatcher } from '../src/proxy/scrub/matcher.ts'
import { scrubBody } from '../src/proxy/scrub/scrub-body.ts'

const secret = Buffer.from(`sk-proj-${randomBytes(30).toString('base64url')}`)
const compiledAt = performance.now()
const matcher = secretMatcher([{ secret }], '[redacted:crd_bench]')
const firstCompile = performance.now() - compiledAt

const answer = {
  id: 'chatcmpl-9x8y7z',
  object: 'chat.completion',
  created: 1731234567,
  model: 'example-mini-2024-07-18',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Hello! See "/usr/lib", 100% é.' }, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 },
}
const list = Array.from({ length: 2000 }, (_, i) => ({ ...answer, i, etag: randomBytes(15).toString('base64') }))

const clean: Readonly<Record<string, Buffer>> = {
  'JSON, 321 bytes': Buffer.from(JSON.stringify(answer).padEnd(321).slice(0, 321)),
  'JSON, large': Buffer.from(JSON.stringify(list)),
  numbers: Buffer.from(JSON.stringify(Array.from({ length: 30_000 }, () => Math.random() - 0.5))),
  base64: Buffer.from(randomBytes(400_000).toString('base64')),
  hex: Buffer.from(randomBytes(250_000).toString('hex')),
  binary: randomBytes(500_000),
}

const spellings: readonly ((code: number) => string)[] = [
  (code) => String.fromCharCode(code),
  (code) => `%${code.toString(16)}`,
  (code) => `%25${code.toString(16)}`,
  (code) => `\\u00${code.toString(16)}`,
  (code) => `&#x${code.toString(16)};`,
  (code) => `&#${code}`,
]
const almost = secret.subarray(0, -1)
const written = (write: (code: number) => string) => Array.from(almost, write).join('')
const anyOf = (code: number) => spellings[Math.floor(Math.random() * spellings.length)]!(code)

const hostile: Readonly<Record<string, Buffer>> = {
  'secret but a byte, repeated': Buffer.alloc(1 << 20, `${written(spellings[0]!)}`),
  '… percent-encoded twice': Buffer.alloc(1 << 20, written(spellings[2]!)),
  '… spelled at random': Buffer.from(Array.from({ length: 6000 }, () => written(anyOf)).join('')),
  'the secret, repeated': Buffer.alloc(1 << 20, secret),
}

function best(work: () => void, bytes: number): number {
  const turns = Math.max(3, Math.min(200_000, Math.round(20_000_000 / bytes)))
  let fastest = Number.POSITIVE_INFINITY
  for (let round = 0; round < 6; round++) {
    const begun = performance.now()
    for (let turn = 0; turn < turns; turn++) work()
    if (round > 0) fastest = Math.min(fastest, ((performance.now() - begun) * 1e6) / turns)
  }
  return fastest
}

function line(name: string, bytes: Buffer): void {
  const scrubbed = best(() => {
    const stream = matcher.stream()
    stream.push(bytes)
    stream.flush()
  }, bytes.length)
  const found = best(() => void bytes.indexOf(secret), bytes.length)
  const perByte = (ns: number) => `${(ns / bytes.length).toFixed(3)} ns/byte`.padStart(15)
  console.log(
    `${name.padEnd(30)} ${scrubbed.toFixed(0).padStart(11)} ns ${perByte(scrubbed)}   indexOf ${perByte(found)}`,
  )
}

console.log(`first compile ${firstCompile.toFixed(1)} ms`)
const more = Array.from({ length: 100 }, () => Buffer.from(`sk-proj-${randomBytes(30).toString('base64url')}`))
const begun = performance.now()
for (const value of more) secretMatcher([{ secret: value }], 'x')
console.log(`compile ${((performance.now() - begun) / more.length).toFixed(2)} ms`)
for (const [name, bytes] of Object.entries(clean)) line(name, bytes)
for (const [name, bytes] of Object.entries(hostile)) line(name, bytes)
const header = 'max-age=0, private, must-revalidate, and some more'
console.log(`header of ${header.length} bytes ${best(() => void matcher.text(header), header.length).toFixed(0)} ns`)

const small = clean['JSON, 321 bytes']!
const drop = () => undefined
const whole = best(() => {
  const { transform } = scrubBody(matcher, undefined)
  transform.push(small, drop)
  transform.flush(drop)
}, small.length)
console.log(`scrubBody of 321 bytes, all stages ${whole.toFixed(0)} ns`)

const zipped = gzipSync(small)
const times: number[] = []
for (let i = 0; i < 3000; i++) {
  const at = performance.now()
  const { transform } = scrubBody(matcher, 'gzip')
  await transform.push(zipped, drop)
  await transform.flush(drop)
  transform.destroy?.()
  times.push(performance.now() - at)
}
console.log(`the same, gzipped ${(times.sort((a, b) => a - b)[1500]! * 1e6).toFixed(0)} ns (median)`)
