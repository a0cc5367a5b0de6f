import assert from 'node:assert/strict'
import type { Ended } from '../../src/cli/testing/cli-process.ts'
import { inProcess } from '../../src/cli/testing/in-process.ts'
import type { Gateway } from './gateway.ts'

/** Runs a command line that has nothing but this environment, and expects this exit code. */
export async function runs(line: string, env: Readonly<Record<string, string>>, code = 0): Promise<Ended> {
  const ended = await inProcess(line.split(' '), { env })
  assert.equal(ended.code, code, `claviger ${line}\n${ended.stdout}${ended.stderr}`)
  return ended
}

/** The same as the gateway's operator. */
export function asOperator({ home, operatorToken }: Gateway, line: string, code = 0): Promise<Ended> {
  return runs(line, { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken }, code)
}
