;;; gnus.el --- What Gnus makes of the gateway -*- lexical-binding: t -*-

;; Prints `ok NAME' or `FAIL NAME reason' for each check.

(require 'cl-lib)
(require 'gnus)
(require 'gnus-start)
(require 'gnus-sum)
(require 'nnimap)

(defvar failed 0)

(defmacro check (name &rest body)
  "Run BODY, and print how it went under NAME."
  (declare (indent 1))
  `(condition-case reason
       (progn ,@body (princ (format "ok gnus %s\n" ,name)))
     (error (setq failed (1+ failed))
            (princ (format "FAIL gnus %s %S\n" ,name reason)))))

(defun same (found wanted what)
  "Fail unless FOUND is WANTED; WHAT names it."
  (unless (equal found wanted)
    (error "%s is %S, not %S" what found wanted)))

(setq gnus-select-method
      `(nnimap "exgate"
               (nnimap-address ,(getenv "GNUS_HOST"))
               (nnimap-server-port ,(string-to-number (getenv "GNUS_PORT")))
               (nnimap-user ,(getenv "GNUS_USER"))
               (nnimap-stream network)
               (nnimap-authenticator login))
      ;; The connection is in clear; nobody is there to be asked.
      nsm-trust-local-network t
      auth-sources (list (getenv "GNUS_AUTHINFO"))
      gnus-secondary-select-methods nil
      gnus-read-active-file t
      gnus-check-new-newsgroups nil
      gnus-save-newsrc-file nil
      gnus-use-dribble-file nil
      gnus-large-newsgroup nil
      gnus-interactive-exit nil
      gnus-inhibit-startup-message t
      gnus-subscribe-newsgroup-method 'gnus-subscribe-alphabetically
      gnus-novice-user nil
      gnus-expert-user t
      gnus-agent nil)

(defun articles ()
  "Numbers and subjects of the articles in the group Gnus, as its summary shows them."
  (gnus-group-read-group t t "Gnus")
  (prog1 (mapcar (lambda (data)
                   (cons (gnus-data-number data) (mail-header-subject (gnus-data-header data))))
                 gnus-newsgroup-data)
    (gnus-summary-exit)))

(defun marked (kind)
  "Numbers of the articles of the group Gnus with a mark of KIND, after asking for news."
  (gnus-group-get-new-news)
  (gnus-uncompress-range (cdr (assq kind (gnus-info-marks (gnus-get-info "Gnus"))))))

(defun in-the-group (do)
  "Call DO in the summary of the group Gnus, with all articles."
  (gnus-group-read-group t t "Gnus")
  (funcall do)
  (gnus-summary-exit))

(check "signs in and finds groups"
  (gnus)
  (dolist (group '("INBOX" "Gnus" "GnusMoved"))
    (unless (gnus-active group) (error "no group %s" group))
    (gnus-subscribe-newsgroup group))
  (same (gnus-active "Gnus") '(1 . 8) "active articles"))

(check "counts what is unread"
  (gnus-group-get-new-news)
  (same (gnus-group-unread "Gnus") 6 "unread"))

(check "shows headers"
  (let ((found (articles)))
    (same (length found) 8 "articles")
    (same (cdr (assq 3 found)) "Letter gnus-2" "subject")))

(check "reads an article"
  (with-temp-buffer
    (gnus-request-article 4 "Gnus" (current-buffer))
    (goto-char (point-min))
    (unless (search-forward "<gnus-3@clients.test>" nil t) (error "another article"))
    (unless (search-forward "A letter." nil t) (error "no text"))))

(check "sets marks that others see"
  (in-the-group (lambda () (gnus-summary-goto-article 5 nil t) (gnus-summary-tick-article 5)))
  (same (marked 'tick) '(5) "ticked"))

(check "sees marks that others set"
  (nnimap-change-group "Gnus" "exgate")
  (with-current-buffer (nnimap-buffer)
    (nnimap-command "UID STORE 6 +FLAGS.SILENT (\\Flagged)"))
  (same (marked 'tick) '(5 6) "ticked"))

(check "moves and copies articles"
  (in-the-group (lambda () (gnus-summary-move-article nil "GnusMoved" nil 'move)))
  (gnus-group-get-new-news)
  (same (cdr (gnus-active "GnusMoved")) 1 "articles there"))

(check "takes an article"
  (with-temp-buffer
    (insert "From: bob@demo.test\nSubject: From Gnus\nMessage-ID: <gnus-new@clients.test>\n\nA letter.\n")
    (unless (gnus-request-accept-article "GnusMoved" nil t t) (error "not taken")))
  (gnus-group-get-new-news)
  (same (cdr (gnus-active "GnusMoved")) 2 "articles there"))

(check "deletes articles"
  (let ((before (length (articles)))
        (nnmail-expiry-wait 'immediate))
    (same (gnus-request-expire-articles '(7) "Gnus" t) nil "left")
    ;; Expunged when the group is left.
    (articles)
    (same (length (articles)) (1- before) "articles left")))

(kill-emacs (if (zerop failed) 0 1))
;;; gnus.el ends here
