/**
 * Operations: what keeps a store safe beside the programs that use it: proving that a log is what was written, signing how far it
 * had come, copying and restoring it. Three words to know: *finding* (what is wrong, and where), *link* (of the hash chain, one
 * for each group), *checkpoint* (a signed statement of where the log stood, kept elsewhere).
 */
export {
  type BackupReport,
  type BackupStage,
  createBackup,
  restoreBackup,
  verifyBackup,
} from './backup.ts';
export type { BackupManifest } from './backup-manifest.ts';
export { type LogCheckpoint, parseCheckpoint, signCheckpoint } from './log-checkpoint.ts';
export { type ExportManifest, type ExportOptions, exportLog } from './log-export.ts';
export { type ImportOptions, type ImportResult, importLog, type PositionMapping } from './log-import.ts';
export { type Finding, type FindingKind, type VerifyOptions, type VerifyReport, verifyLog } from './log-verifier.ts';
export { type ScavengeOptions, type ScavengeReport, scavenge } from './scavenger.ts';
