# SPDX-License-Identifier: GPL-2.0-only
# Children over pipes, closures that keep their variables, and an alarm clock that
# goes on ringing through every dump.
# dump-at: 10 60
use strict;
use warnings;
use Time::HiRes qw(setitimer ITIMER_REAL);

$| = 1;
my $ticks = 0;
$SIG{ALRM} = sub { $ticks++ };

sub counter {
	my $n = shift;
	return sub { $n = ($n * 69069 + 1) % 4294967296; return $n };
}

sub child {
	my ($number, $out) = @_;
	my $next = counter($number);
	my $ring = 0;
	local $SIG{ALRM} = sub { $ring++ };

	alarm 1;
	select $out;
	$| = 1;
	for my $round (1 .. 60) {
		my $x = 0;
		$x ^= $next->() for 1 .. 25000;
		print "$number $round $x\n";
	}
	1 until $ring;
	print "$number rang $ring\n";
	exit $number;
}

my @children;
for my $number (1 .. 4) {
	pipe(my $in, my $out) or die;
	my $pid = fork // die;
	if (!$pid) {
		close $in;
		child($number, $out);
	}
	push @children, { pid => $pid, in => $in, number => $number };
}

setitimer(ITIMER_REAL, 0.01, 0.01);
my $open = @children;
while ($open) {
	for my $c (grep { $_->{in} } @children) {
		my $line = readline $c->{in};
		if (defined $line) {
			print "got $line";
			next;
		}
		delete $c->{in};
		$open--;
	}
}
for my $c (@children) {
	waitpid($c->{pid}, 0);
	print "child $c->{number} ended with ", $? >> 8, "\n";
}
my $now = $ticks;
1 while $ticks == $now;
print "still ticking\n";
