// The command line, with all commands there are.

import { agentCommands } from './agent.ts'
import { loginCommands } from './agent-login.ts'
import { approvalCommands } from './approval.ts'
import { askCommand } from './ask.ts'
import { auditCommands } from './audit.ts'
import { callCommand } from './call.ts'
import { channelCommands } from './channel.ts'
import { clawGateCommands } from './clawgate.ts'
import { commandLine, type Run } from './command-line.ts'
import { configCommand } from './config.ts'
import { connectCommand } from './connect.ts'
import { connectionCommands } from './connection.ts'
import { credentialCommands } from './credential.ts'
import { doctorCommand } from './doctor.ts'
import { emergencyRevokeCommand } from './emergency-revoke.ts'
import { explainCommand } from './explain.ts'
import { gitCredentialCommand } from './git-credential.ts'
import { grantCommands } from './grant.ts'
import { importCommands } from './import/import.ts'
import { scanCommand } from './import/scan.ts'
import { initCommand } from './init.ts'
import { llmCommands } from './llm.ts'
import { localCaCommands } from './local-ca.ts'
import { operatorCommands } from './operator.ts'
import { personCommands } from './person.ts'
import { placeholderCommands } from './placeholder.ts'
import { receiptCommands } from './receipt.ts'
import { relyingCommands } from './relying.ts'
import { roleCommands } from './role.ts'
import { ruleCommands } from './rule.ts'
import { runCommand } from './run.ts'
import { serviceCommands } from './service.ts'
import { signingKeyCommands } from './signing-key.ts'
import { statusCommand } from './status.ts'
import { tokenCommands } from './token.ts'
import { trustCommands } from './trust.ts'
import { upCommand } from './up.ts'
import { vaultCommands } from './vault.ts'
import { webhookCommands } from './webhook.ts'
import { windowCommands } from './window.ts'

export const run: Run = commandLine([
  initCommand,
  upCommand,
  statusCommand,
  doctorCommand,
  serviceCommands,
  credentialCommands,
  importCommands,
  scanCommand,
  connectCommand,
  connectionCommands,
  agentCommands,
  loginCommands,
  tokenCommands,
  signingKeyCommands,
  localCaCommands,
  placeholderCommands,
  clawGateCommands,
  llmCommands,
  grantCommands,
  ruleCommands,
  approvalCommands,
  windowCommands,
  channelCommands,
  receiptCommands,
  relyingCommands,
  roleCommands,
  trustCommands,
  webhookCommands,
  emergencyRevokeCommand,
  callCommand,
  runCommand,
  gitCredentialCommand,
  askCommand,
  explainCommand,
  auditCommands,
  vaultCommands,
  operatorCommands,
  personCommands,
  configCommand,
])
