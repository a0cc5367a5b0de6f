import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { repository } from './instruments/gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-npm-'))
after(() => rmSync(folder, { recursive: true }))
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CLAVIGER|npm)_/i.test(name)))
const env = { ...clean, CLAVIGER_HOME: join(folder, 'home'), CLAVIGER_PORT: '0' }

interface Started {
  readonly npm: ChildProcess
  readonly ready: { readonly url: string; readonly operatorToken?: string; readonly try?: string }
}

async function npmStart(): Promise<Started> {
  const npm = spawn('npm', ['start'], { cwd: repository, env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  for await (const text of npm.stdout.setEncoding('utf8')) {
    said += text
    const line = /^claviger ready (\{.*\})$/m.exec(said)
    if (line !== null) return { npm, ready: JSON.parse(line[1]!) }
  }
  throw new Error(`npm start ended without getting ready: ${said}`)
}

async function stopped({ npm }: Started): Promise<number | null> {
  const closed = once(npm, 'exit')
  npm.kill('SIGTERM')
  await closed
  return npm.exitCode
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    (answer) => answer.ok,
    () => false,
  )
}

describe('npm start', () => {
  test('gets ready, prints token and a first call once, and drains when npm is told to stop', async () => {
    const first = await npmStart()
    assert.match(first.ready.operatorToken ?? '', /^clv_op_/)
    assert.match(first.ready.try ?? '', /^curl .*\/to\/demo\//)
    assert.ok(await answers(first.ready.url))
    assert.equal(await stopped(first), 0)
    assert.equal(await answers(first.ready.url), false, 'the gateway outlived npm')

    const second = await npmStart()
    assert.deepEqual([second.ready.operatorToken, second.ready.try], [undefined, undefined])
    assert.equal(await stopped(second), 0)
  })
})
