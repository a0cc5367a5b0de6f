// `@claviger/sdk`: everything that runs in Node and in browsers alike.
export {
  AgentClient,
  type AgentClientOptions,
  type AgentKey,
  type AgentSelf,
  type Registered,
  type RegisterOptions,
} from './agent/agent-client.ts'
export type {
  AnsweredApproval,
  Approval,
  ApprovalRequest,
  ApprovalStatus,
  StatedApproval,
  WaitOptions,
} from './agent/approvals.ts'
export type { ServerSentEvent } from './agent/event-stream.ts'
export type { LaterCall, LaterOptions } from './agent/later-call.ts'
export type { NarrowedToken, NarrowOptions } from './agent/narrow.ts'
export { type EventOptions, type ReadOptions, ServiceAnswer } from './agent/service-answer.ts'
export type { CallOptions } from './agent/service-call.ts'
export { TokenClient, type TokenClientOptions } from './agent/token-client.ts'
export type { Tokens } from './agent/tokens.ts'
export type { ActionToken, CallActionOptions, IssueTokenOptions } from './agent/vault-actions.ts'
export { type Assurance, actionDigest, payloadHash, type Risk, type StatedAction } from './approval/digest.ts'
export type { ReceiptClaims } from './approval/receipt-claims.ts'
export { type UseFault, type UseVerdict, useReceipt } from './approval/use-receipt.ts'
export {
  type About,
  createReceiptVerifier,
  type ReceiptFault,
  type ReceiptVerdict,
  type ReceiptVerifier,
  type ReceiptVerifierOptions,
  verifyReceipt,
} from './approval/verify-receipt.ts'
export { ClavigerError } from './claviger-error.ts'
export {
  type AgentDetails,
  type AssignedRole,
  ClawAuth,
  type ClawAuthOptions,
  ClawAuthService,
  type Trust,
  type Verification,
  type VerifiedAgent,
} from './clawauth/claw-auth.ts'
export {
  ClawAuthAgent,
  type ClawAuthAgentOptions,
  type ClawAuthRegistration,
  type ClawAuthTokens,
} from './clawauth/claw-auth-agent.ts'
export type { ClawAuthCode, ErrorCode, OAuthCode, SdkCode, VaultCode } from './errors/codes.ts'
export {
  ApprovalError,
  AuthenticationError,
  BusyError,
  ConnectionError,
  PermissionError,
  RequestError,
  ServiceError,
  UnavailableError,
  UpstreamError,
} from './errors/families.ts'
export type { ProblemCode } from './errors/problem-codes.ts'
export { KeyStore } from './key-store.ts'
export { generateKeyPair, generatePemKeyPair, importKeyPair, type PemKeyPair } from './keys.ts'
export type { Fetch, WebKey, WebKeyPair } from './platform.ts'
export { type PublicJwk, type PublicKey, publicKeyOf, readPublicKey } from './public-key.ts'
export { pemSigner, type Signer, webCryptoSigner } from './signer.ts'
export type { Claims, TokenFault } from './verify/claims.ts'
export type { IntrospectionOptions } from './verify/introspection.ts'
export { MemoryReplayGuard, type ReplayGuard } from './verify/replay-guard.ts'
export {
  createVerifier,
  type Verified,
  type Verifier,
  type VerifierOptions,
  type VerifyRequest,
} from './verify/verifier.ts'
