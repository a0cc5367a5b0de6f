import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Risk, raisedRisk } from './raised-risk.ts'

const command = (text: string) => ({ tool: 'exec', params: { command: text } })

const seen: readonly [Risk, string, object][] = [
  ['high', 'shell.exec', command('rm -rf ./old')],
  ['high', 'shell.exec', { tool: 'exec', params: { argv: ['find', '.', '-name', '*.ts', '-delete'] } }],
  ['high', 'shell.exec', command('Remove-Item C:\\x')],
  ['critical', 'shell.exec', command('dd if=/dev/zero of=/dev/sda')],
  ['critical', 'shell.exec', command('mkfs.ext4 /dev/sdb1')],
  ['high', 'shell.exec', command('npm publish --access public')],
  ['high', 'shell.exec', command('git push origin main --force-with-lease')],
  ['high', 'shell.exec', command('git push origin +main')],
  ['high', 'shell.exec', command('git reset --hard origin/main')],
  ['high', 'db.query', { sql: 'DROP TABLE customers' }],
  ['high', 'db.query', { sql: 'delete from customers' }],
  ['high', 'db.query', { sql: 'UPDATE customers SET paid = 1' }],
  ['low', 'db.query', { sql: 'UPDATE customers SET paid = 1 WHERE id = 7' }],
  ['high', 'shell.exec', command('sudo id')],
  ['critical', 'file.write', { path: '/home/x/.openclaw/openclaw.json', content: '{}' }],
  ['high', 'sendEmail', {}],
  ['high', 'tool.call', { tool: 'crm_send_message' }],
  ['low', 'shell.exec', command('ls -l ./form')],
  ['low', 'tool.call', { tool: 'sender', params: { text: 'harmless' } }],
  ['low', 'x', { params: [1, null, true, ['ls', ['-l']]] }],
]

describe('raisedRisk()', () => {
  for (const [risk, action, context] of seen) {
    test(`sees ${risk} in ${action} ${JSON.stringify(context).slice(0, 80)}`, () => {
      assert.equal(raisedRisk('low', action, context as never), risk)
    })
  }

  test('never lowers what the agent says', () => {
    assert.equal(raisedRisk('critical', 'x', {}), 'critical')
    assert.equal(raisedRisk('critical', 'x', command('rm x') as never), 'critical')
    assert.equal(raisedRisk('medium', 'x', {}), 'medium')
  })
})
