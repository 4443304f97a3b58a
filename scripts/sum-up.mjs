// The last line of CI: tests and checks together, from the files in which both left their counts.

import { readFileSync } from "node:fs";

const [testsFile, checksFile] = process.argv.slice(2);
const tests = read(testsFile, ({ numPassedTests, numFailedTests, numFailedTestSuites }) => ({
  passed: numPassedTests,
  // A file that cannot be loaded fails without any test.
  failed: Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0),
}));
const checks = read(checksFile, (counts) => counts);
console.log(`${tests.passed + checks.passed} passed, ${tests.failed + checks.failed} failed`);
process.exitCode = tests.failed + checks.failed === 0 && tests.passed > 0 ? 0 : 1;

/** What never got as far as writing its counts has failed. */
function read(file, counts) {
  try {
    return counts(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return { passed: 0, failed: 1 };
  }
}
